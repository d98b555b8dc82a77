#ifndef CLAUNCH_H
#define CLAUNCH_H

// Linked into an executable, this target starts the process once more with OMP_WAIT_POLICY=PASSIVE where the variable is
// not set. The OpenMP runtime reads it in its constructor, before any code of ours can set it, and otherwise spins between
// operators, which makes everything slow as soon as another process wants the processor.
//
// There is nothing to call: the work is done before the constructors of the shared libraries, at the price of mapping
// the libraries twice.

#endif
