/* Sockets of any family on any kernel, for LD_PRELOAD: what a call passes to the kernel is kept.

   socket(2) succeeds for every family. bind(2), connect(2), sendto(2) and sendmsg(2) keep the
   sockaddr in `captured` and succeed. The interface "eth0" has the index 7; no other is there.
   getaddrinfo(3) asks nobody on a network: it knows numbers and "localhost". */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netdb.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

unsigned char captured[512];
int captured_length = -1;
static int family_of[1 << 16];

static void keep(const void *address, socklen_t length)
{
    captured_length = (int)length;
    memset(captured, 0, sizeof(captured));
    if (address && length <= sizeof(captured))
        memcpy(captured, address, length);
}

int socket(int family, int type, int protocol)
{
    int made = open("/dev/null", O_RDWR | O_CLOEXEC);
    (void)type;
    (void)protocol;
    if (made >= 0 && made < 1 << 16)
        family_of[made] = family;
    return made;
}

int getsockname(int fd, struct sockaddr *address, socklen_t *length)
{
    if (fd < 0) {
        errno = EBADF;
        return -1;
    }
    memset(address, 0, *length);
    address->sa_family = (sa_family_t)family_of[fd];
    *length = 2;
    return 0;
}

int bind(int fd, const struct sockaddr *address, socklen_t length)
{
    (void)fd;
    keep(address, length);
    return 0;
}

int connect(int fd, const struct sockaddr *address, socklen_t length)
{
    (void)fd;
    keep(address, length);
    return 0;
}

ssize_t sendto(int fd, const void *data, size_t size, int flags, const struct sockaddr *address,
               socklen_t length)
{
    (void)fd;
    (void)data;
    (void)flags;
    keep(address, length);
    return (ssize_t)size;
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
    (void)fd;
    (void)flags;
    keep(message->msg_name, message->msg_namelen);
    return 1;
}

int ioctl(int fd, unsigned long request, ...)
{
    va_list more;
    va_start(more, request);
    void *argument = va_arg(more, void *);
    va_end(more);
    if (request == SIOCGIFINDEX) {
        struct ifreq *asked = argument;
        if (strncmp(asked->ifr_name, "eth0", IFNAMSIZ) == 0) {
            asked->ifr_ifindex = 7;
            return 0;
        }
        errno = ENODEV;
        return -1;
    }
    int (*real)(int, unsigned long, void *) = (int (*)(int, unsigned long, void *))dlsym(RTLD_NEXT, "ioctl");
    return real(fd, request, argument);
}

int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
                struct addrinfo **found)
{
    int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **) =
        (int (*)(const char *, const char *, const struct addrinfo *, struct addrinfo **))dlsym(
            RTLD_NEXT, "getaddrinfo");
    struct addrinfo asked;
    memset(&asked, 0, sizeof(asked));
    if (hints)
        asked = *hints;
    if (name && strcmp(name, "localhost") == 0)
        name = asked.ai_family == AF_INET6 ? "::1" : "127.0.0.1";
    asked.ai_flags |= AI_NUMERICHOST;
    return real(name, service, &asked, found);
}
