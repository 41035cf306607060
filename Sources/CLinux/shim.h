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
#include <linux/errqueue.h>
#include <linux/net_tstamp.h>

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

// The kernel's time of the last byte that is taken comes beside it, behind macros (cmsg(3)); 0 when it has none.
static inline ssize_t whatif_receive_stamped(int fd, void *buffer, size_t size, long long *nanoseconds) {
    char control[CMSG_SPACE(sizeof(struct scm_timestamping))] __attribute__((aligned(8)));
    struct iovec part = {.iov_base = buffer, .iov_len = size};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    ssize_t count = recvmsg(fd, &message, 0);
    *nanoseconds = 0;
    if (count <= 0) return count;
    for (struct cmsghdr *item = CMSG_FIRSTHDR(&message); item; item = CMSG_NXTHDR(&message, item)) {
        if (item->cmsg_level != SOL_SOCKET || item->cmsg_type != SO_TIMESTAMPING) continue;
        const struct scm_timestamping *stamps = (const struct scm_timestamping *)CMSG_DATA(item);
        *nanoseconds = stamps->ts[0].tv_sec * 1000000000LL + stamps->ts[0].tv_nsec;
    }
    return count;
}

static inline int whatif_stamp_receptions(int fd) {
    int flags = SOF_TIMESTAMPING_RX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE;
    return setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPING, &flags, sizeof flags);
}

enum {
    WHATIF_CLONE_NEWNS = 0x00020000,
    WHATIF_CLONE_NEWCGROUP = 0x02000000,
    WHATIF_CLONE_NEWUTS = 0x04000000,
    WHATIF_CLONE_NEWIPC = 0x08000000,
    WHATIF_CLONE_NEWNET = 0x40000000,
    WHATIF_MFD_CLOEXEC = 1,
    WHATIF_SCHED_IDLE = 5,
    WHATIF_SPAWN_SETSID = 0x80,
};

#endif
