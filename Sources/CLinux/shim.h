// Linux calls that glibc shows only under _GNU_SOURCE, which the toolchain's Glibc module is built without: their
// prototypes as in the manual pages, and the numbers as in the kernel's ABI.
#ifndef WHATIF_CLINUX_SHIM_H
#define WHATIF_CLINUX_SHIM_H

#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <time.h>

extern int setns(int fd, int nstype);
extern int unshare(int flags);
extern int memfd_create(const char *name, unsigned int flags);
extern int ppoll(struct pollfd *fds, nfds_t nfds, const struct timespec *timeout, const sigset_t *sigmask);
extern int accept4(int sockfd, struct sockaddr *addr, socklen_t *addrlen, int flags);
extern int pthread_setname_np(pthread_t thread, const char *name);
extern int posix_spawn_file_actions_addclosefrom_np(posix_spawn_file_actions_t *actions, int from);
extern int epoll_pwait2(int epfd, struct epoll_event *events, int maxevents, const struct timespec *timeout,
                        const sigset_t *sigmask);

// Swift cannot call what takes any number of arguments.
static inline int whatif_set_timer_slack(unsigned long nanoseconds) {
    return prctl(PR_SET_TIMERSLACK, nanoseconds, 0, 0, 0);
}

enum {
    WHATIF_CLONE_NEWNS = 0x00020000,
    WHATIF_CLONE_NEWCGROUP = 0x02000000,
    WHATIF_CLONE_NEWUTS = 0x04000000,
    WHATIF_CLONE_NEWIPC = 0x08000000,
    WHATIF_CLONE_NEWNET = 0x40000000,
    WHATIF_MFD_CLOEXEC = 1,
    WHATIF_SPAWN_SETSID = 0x80,
};

#endif
