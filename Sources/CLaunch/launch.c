#include "CLaunch.h"

#if defined(__linux__)

#include <limits.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

// The C library is mapped but not initialised here: no allocation, no environ, only plain memory and system calls.

static const char policy_name[] = "OMP_WAIT_POLICY=";
static char passive[] = "OMP_WAIT_POLICY=PASSIVE";
static const char spin_name[] = "GOMP_SPINCOUNT=";
static char spin[] = "GOMP_SPINCOUNT=2000";
// Says that this was done once, should somebody remove the policy on the way.
static const char guard_name[] = "WALLFACER_LAUNCHED=";
static char guard[] = "WALLFACER_LAUNCHED=1";

enum { most_variables = 4096, added = 3 };

static int begins(const char *text, const char *with) {
    return strncmp(text, with, strlen(with)) == 0;
}

static void launch_passively(int count, char **arguments, char **environment) {
    (void)count;
    static char *extended[most_variables + added + 1];
    size_t variables = 0;
    int spins = 0;
    for (; environment[variables] != NULL; variables++) {
        if (begins(environment[variables], policy_name) || begins(environment[variables], guard_name)) return;
        if (begins(environment[variables], spin_name)) spins = 1;
        if (variables == most_variables) return;
        extended[variables] = environment[variables];
    }
    extended[variables++] = passive;
    if (!spins) extended[variables++] = spin;
    extended[variables++] = guard;
    extended[variables] = NULL;
    // By its own name, so that the process is listed under it.
    static char path[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
    if (length <= 0) return;
    path[length] = '\0';
    execve(path, arguments, extended);
    // Without the policy everything still works, only slower beside other processes.
}

typedef void (*early_function)(int, char **, char **);
__attribute__((section(".preinit_array"), used)) static early_function launch_early = launch_passively;

#endif
