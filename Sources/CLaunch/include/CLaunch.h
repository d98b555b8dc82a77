#ifndef CLAUNCH_H
#define CLAUNCH_H

// Linked into an executable, this target starts the process once more with OMP_WAIT_POLICY=PASSIVE and
// GOMP_SPINCOUNT=2000 where the policy is not set. The OpenMP runtime reads both in its constructor, before any code of
// ours can set them.
//
// By default it spins for milliseconds between operators, which makes everything slow as soon as another process wants
// the processor. Without any spinning every short operator pays for putting its helpers to sleep and waking them. A spin
// of about the price of one waking is at most twice as dear as the better of both.
//
// There is nothing to call: the work is done before the constructors of the shared libraries, at the price of mapping
// the libraries twice.

#endif
