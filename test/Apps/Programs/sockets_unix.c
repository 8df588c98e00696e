/* Sockets of AF_UNIX: what every call answers, with what is told of addresses, credentials, descriptors and readiness. */
#include "answers.h"
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static char buffer[1 << 20];
static volatile int pipes_broken;

static void on_pipe(int signal) { pipes_broken++; }

static socklen_t name_of(struct sockaddr_un *name, const char *path)
{
    memset(name, 0, sizeof *name);
    name->sun_family = AF_UNIX;
    if (path[0] == '@') {
        memcpy(name->sun_path + 1, path + 1, strlen(path + 1));
        return offsetof(struct sockaddr_un, sun_path) + strlen(path);
    }
    strcpy(name->sun_path, path);
    return offsetof(struct sockaddr_un, sun_path) + strlen(path) + 1;
}

static int bind_to(int fd, const char *path)
{
    struct sockaddr_un name;
    socklen_t length = name_of(&name, path);
    return bind(fd, (struct sockaddr *)&name, length);
}

static int connect_to(int fd, const char *path)
{
    struct sockaddr_un name;
    socklen_t length = name_of(&name, path);
    return connect(fd, (struct sockaddr *)&name, length);
}

static int send_to(int fd, const char *path, const char *text)
{
    struct sockaddr_un name;
    socklen_t length = name_of(&name, path);
    return sendto(fd, text, strlen(text), 0, (struct sockaddr *)&name, length);
}

static void show_name(const char *what, const struct sockaddr_un *name, socklen_t length)
{
    printf("%s: length %u", what, length);
    if (length >= 2) printf(" family %d", name->sun_family);
    if (length > 2) printf(" path %s%.*s", name->sun_path[0] ? "" : "@", (int)(length - 3), name->sun_path + !name->sun_path[0]);
    printf("\n");
}

static void show_names(int fd)
{
    struct sockaddr_un name;
    socklen_t length = sizeof name;
    memset(&name, 0, sizeof name);
    ASK(getsockname(fd, (void *)&name, &length));
    show_name("  own", &name, length);
    length = sizeof name;
    memset(&name, 0, sizeof name);
    if (getpeername(fd, (void *)&name, &length) == 0) show_name("  peer", &name, length);
    else printf("  no peer: %s\n", strerrorname_np(errno));
}

static void show_poll(const char *what, int fd)
{
    struct pollfd p = { fd, 0x3fff, 0 };
    poll(&p, 1, 0);
    printf("poll %s: %x\n", what, p.revents);
}

static void show_option(const char *what, int fd, int level, int option)
{
    int value[32] = { 0 };
    socklen_t length = sizeof value;
    int result = getsockopt(fd, level, option, value, &length);
    if (result) printf("%s: %s\n", what, strerrorname_np(errno));
    else printf("%s: %d %d in %u bytes\n", what, value[0], length > 4 ? value[1] : 0, length);
}
#define OPTION(fd, option) show_option(#option, fd, SOL_SOCKET, option)

static int set(int fd, int option, int value) { return setsockopt(fd, SOL_SOCKET, option, &value, sizeof value); }

/* Sends bytes with descriptors and credentials. */
static int send_rights(int fd, const char *text, size_t length, const int *files, int count, const struct ucred *who)
{
    char control[CMSG_SPACE(300 * sizeof(int)) + CMSG_SPACE(sizeof *who)];
    struct iovec part = { (void *)text, length };
    struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = control };
    memset(control, 0, sizeof control);
    message.msg_controllen = sizeof control;
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    size_t used = 0;
    if (count >= 0) {
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(count * sizeof(int));
        memcpy(CMSG_DATA(header), files, count * sizeof(int));
        used += CMSG_SPACE(count * sizeof(int));
        header = (void *)(control + used);
    }
    if (who) {
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_CREDENTIALS;
        header->cmsg_len = CMSG_LEN(sizeof *who);
        memcpy(CMSG_DATA(header), who, sizeof *who);
        used += CMSG_SPACE(sizeof *who);
    }
    message.msg_controllen = used;
    if (!used) message.msg_control = NULL;
    return sendmsg(fd, &message, MSG_NOSIGNAL);
}

/* Receives, tells all that came, and closes what came. */
static void receive(const char *what, int fd, size_t room, size_t control_room, int flags)
{
    static char control[4096], text[65536];
    struct sockaddr_un name;
    struct iovec part = { text, room };
    struct msghdr message = { &name, sizeof name, &part, 1, control, control_room, 0x5555 };
    errno = 0;
    memset(&name, 0, sizeof name);
    long got = recvmsg(fd, &message, flags);
    if (got < 0) { printf("%s: %s\n", what, strerrorname_np(errno)); return; }
    printf("%s: %ld '%.*s' flags %x control %zu", what, got, (int)(got < 20 ? got : 20), text, message.msg_flags, message.msg_controllen);
    printf(" name %u", message.msg_namelen);
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&message); c; c = CMSG_NXTHDR(&message, c)) {
        if (c->cmsg_type == SCM_RIGHTS) {
            int count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
            printf(" rights %d (%zu):", count, c->cmsg_len);
            for (int i = 0; i < count; i++) {
                int file = ((int *)CMSG_DATA(c))[i];
                if (count < 6) printf(" %d", fcntl(file, F_GETFD));
                close(file);
            }
        } else if (c->cmsg_type == SCM_CREDENTIALS) {
            struct ucred *who = (void *)CMSG_DATA(c);
            printf(" credentials %s %d %d (%zu)", who->pid == getpid() ? "own" : who->pid ? "other" : "0", who->uid, who->gid, c->cmsg_len);
        }
    }
    printf("\n");
}

static void making(void)
{
    int pair[2];
    printf("-- making\n");
    ASK_IF(socket(AF_UNIX, SOCK_STREAM, 0));
    ASK_IF(socket(AF_UNIX, SOCK_STREAM, 1));
    ASK(socket(AF_UNIX, SOCK_STREAM, 2));
    ASK(socket(AF_UNIX, SOCK_RDM, 0));
    ASK_IF(socket(AF_UNIX, SOCK_RAW, 0));
    ASK(socket(AF_UNIX, 11, 0));
    ASK(socket(AF_UNIX, SOCK_STREAM | 0x100000, 0));
    ASK(socket(-1, SOCK_STREAM, 0));
    ASK(socket(46, SOCK_STREAM, 0));
    ASK(socketpair(AF_UNIX, SOCK_STREAM, 0, NULL));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    ASK(fcntl(fd, F_GETFL));
    ASK(fcntl(fd, F_GETFD));
    struct stat attributes;
    fstat(fd, &attributes);
    printf("mode %o links %ld size %ld\n", attributes.st_mode, (long)attributes.st_nlink, (long)attributes.st_size);
    char link[64], path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    int length = readlink(path, link, sizeof link);
    printf("link %.8s %d\n", link, length > 9);
    ASK(open(path, O_RDONLY));
    ASK(lseek(fd, 0, SEEK_CUR));
    ASK(pread(fd, buffer, 1, 0));
    ASK(ftruncate(fd, 0));
    ASK(fsync(fd));
    ASK(bind(0, NULL, 0));
    ASK(bind(999, NULL, 0));
    ASK(accept(fd, NULL, NULL));
    ASK(listen(fd, 1));
    ASK(read(fd, buffer, 1));
    ASK(read(fd, buffer, 0));
    ASK(write(fd, buffer, 1));
    ASK(shutdown(fd, 3));
    ASK(shutdown(fd, -1));
    show_names(fd);
    show_poll("fresh", fd);
    close(fd);
    for (int type = 1; type <= 5; type += type == 2 ? 3 : 1) {
        ASK(socketpair(AF_UNIX, type, 0, pair));
        show_names(pair[0]);
        show_poll("pair", pair[0]);
        OPTION(pair[0], SO_TYPE); OPTION(pair[0], SO_DOMAIN); OPTION(pair[0], SO_PROTOCOL);
        close(pair[0]); close(pair[1]);
    }
}

static void naming(void)
{
    struct sockaddr_un name;
    socklen_t length;
    struct stat attributes;
    printf("-- naming\n");
    unlink("/tmp/s1"); unlink("/tmp/s2");
    int a = socket(AF_UNIX, SOCK_STREAM, 0), b = socket(AF_UNIX, SOCK_STREAM, 0), d = socket(AF_UNIX, SOCK_DGRAM, 0);
    umask(022);
    ASK(bind_to(a, "/tmp/s1"));
    show_names(a);
    ASK(bind_to(b, "/tmp/s1"));
    ASK(bind_to(a, "/tmp/s2"));
    ASK(stat("/tmp/s2", &attributes));
    ASK(bind_to(b, "/tmp/none/s"));
    ASK(stat("/tmp/s1", &attributes));
    printf("mode %o\n", attributes.st_mode);
    ASK(open("/tmp/s1", O_RDWR));
    ASK(connect_to(b, "/tmp/s1"));
    ASK(connect_to(d, "/tmp/s1"));
    ASK(connect_to(b, "/tmp/none"));
    ASK(connect_to(b, "/tmp"));
    ASK(listen(a, 5));
    ASK(listen(d, 5));
    ASK(connect_to(d, "/tmp/s1"));
    ASK(bind_to(b, "@abstract"));
    show_names(b);
    ASK(bind_to(d, "@abstract"));
    show_names(d);
    int c = socket(AF_UNIX, SOCK_STREAM, 0);
    ASK(bind_to(c, "@abstract"));
    name.sun_family = AF_INET;
    ASK(bind(c, (void *)&name, sizeof name));
    name.sun_family = AF_UNIX;
    ASK(bind(c, (void *)&name, 1));
    ASK(bind(c, (void *)&name, 111));
    ASK(bind(c, (void *)&name, -1));
    ASK(bind(c, (void *)&name, 129));
    ASK(bind(c, NULL, 10));
    ASK(connect(c, (void *)&name, 2));
    ASK(connect(c, (void *)&name, 0));
    ASK(bind(c, (void *)&name, 2));
    length = sizeof name;
    memset(&name, 0, sizeof name);
    ASK(getsockname(c, (void *)&name, &length));
    printf("autobind %u %d\n", length, name.sun_path[0]);
    ASK(bind(c, (void *)&name, 2));
    length = 4;
    ASK(getsockname(a, (void *)&name, &length));
    printf("cut %u\n", length);
    length = -1;
    ASK(getsockname(a, (void *)&name, &length));
    ASK(getsockname(a, (void *)&name, NULL));
    length = sizeof name;
    ASK(getsockname(a, NULL, &length));
    close(a);
    ASK(connect_to(socket(AF_UNIX, SOCK_STREAM, 0), "/tmp/s1"));
    ASK(mknod("/tmp/s2", S_IFSOCK | 0600, 0));
    ASK(connect_to(socket(AF_UNIX, SOCK_STREAM, 0), "/tmp/s2"));
    unlink("/tmp/s1"); unlink("/tmp/s2");
    memset(&name, 'x', sizeof name);
    name.sun_family = AF_UNIX;
    memcpy(name.sun_path, "/tmp/", 5);
    a = socket(AF_UNIX, SOCK_STREAM, 0);
    ASK(bind(a, (void *)&name, sizeof name));
    length = sizeof name;
    char big[200];
    length = sizeof big;
    ASK(getsockname(a, (void *)big, &length));
    printf("longest %u\n", length);
    snprintf(buffer, 110, "%.108s", name.sun_path);
    ASK(unlink(buffer));
    close(a); close(b); close(c); close(d);
}

static void connecting(int type)
{
    int client[8], server, listener = socket(AF_UNIX, type | SOCK_NONBLOCK, 0);
    struct sockaddr_un name;
    socklen_t length;
    printf("-- connecting %d\n", type);
    unlink("/tmp/s1");
    ASK(bind_to(listener, "/tmp/s1"));
    show_poll("bound", listener);
    ASK(listen(listener, 1));
    OPTION(listener, SO_ACCEPTCONN);
    OPTION(listener, SO_PEERGROUPS);
    show_poll("listening", listener);
    ASK(accept(listener, NULL, NULL));
    ASK(read(listener, buffer, 1));
    ASK(write(listener, buffer, 1));
    ASK(connect_to(listener, "/tmp/s1"));
    for (int i = 0; i < 4; i++) {
        client[i] = socket(AF_UNIX, type | SOCK_NONBLOCK, 0);
        ASK(connect_to(client[i], "/tmp/s1"));
    }
    show_poll("refused", client[3]);
    show_poll("waiting", listener);
    ASK(connect_to(client[0], "/tmp/s1"));
    ASK(write(client[0], "early", 5));
    length = sizeof name;
    server = accept4(listener, (void *)&name, &length, SOCK_CLOEXEC | SOCK_NONBLOCK);
    show_name("from", &name, length);
    ASK(accept4(listener, NULL, NULL, 1));
    ASK(fcntl(server, F_GETFD));
    ASK(fcntl(server, F_GETFL));
    show_names(server);
    show_names(client[0]);
    ASK(connect_to(client[3], "/tmp/s1"));
    ASK(listen(server, 1));
    show_poll("readable", server);
    int count = -1;
    ASK(ioctl(server, FIONREAD, &count)); printf("count %d\n", count);
    ASK(ioctl(listener, FIONREAD, &count));
    ASK(recv(server, buffer, 3, MSG_PEEK));
    ASK(recv(server, buffer, 3, 0));
    ASK(recv(server, buffer, 10, 0));
    ASK(recv(server, buffer, 10, 0));
    ASK(recv(server, buffer, 0, 0));
    ASK(recv(server, buffer, 10, MSG_OOB | MSG_DONTWAIT) < 0);
    name_of(&name, "/tmp/s1");
    ASK(sendto(server, "x", 1, 0, (void *)&name, sizeof name));
    ASK(write(server, "answer", 6));
    ASK(shutdown(server, SHUT_WR));
    show_poll("shut for writing", server);
    show_poll("other end of it", client[0]);
    ASK(write(server, "x", 1)); printf("signals %d\n", pipes_broken);
    ASK(send(server, "x", 1, MSG_NOSIGNAL)); printf("signals %d\n", pipes_broken);
    ASK(read(client[0], buffer, 100));
    ASK(read(client[0], buffer, 100));
    ASK(write(client[0], "more", 4));
    ASK(shutdown(client[0], SHUT_RD));
    ASK(shutdown(client[0], SHUT_RDWR));
    show_poll("shut", client[0]);
    show_poll("shut by the other", server);
    ASK(read(server, buffer, 100));
    ASK(read(server, buffer, 100));
    close(server);
    show_poll("closed by the other", client[0]);
    ASK(write(client[0], "x", 1)); printf("signals %d\n", pipes_broken);
    /* Closed with something unread: a reset. */
    ASK(write(client[1], "unread", 6));
    server = accept(listener, NULL, NULL);
    ASK(close(server));
    show_poll("reset", client[1]);
    OPTION(client[1], SO_ERROR);
    show_poll("reset, told", client[1]);
    ASK(read(client[1], buffer, 1));
    ASK(write(client[1], "x", 1));
    close(listener);
    show_poll("never accepted", client[2]);
    ASK(read(client[2], buffer, 1));
    ASK(read(client[2], buffer, 1));
    for (int i = 0; i < 4; i++) close(client[i]);
    ASK(connect_to(socket(AF_UNIX, type, 0), "/tmp/s1"));
    unlink("/tmp/s1");
    /* Half of a pair goes away. */
    int pair[2];
    socketpair(AF_UNIX, type | SOCK_NONBLOCK, 0, pair);
    ASK(write(pair[0], "last", 4));
    close(pair[0]);
    show_poll("half", pair[1]);
    ASK(read(pair[1], buffer, 10));
    ASK(read(pair[1], buffer, 10));
    show_poll("half, read", pair[1]);
    ASK(write(pair[1], "x", 1)); printf("signals %d\n", pipes_broken);
    show_names(pair[1]);
    close(pair[1]);
}

static void datagrams(void)
{
    int a = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0), b = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0), pair[2];
    struct sockaddr_un name;
    socklen_t length = sizeof name;
    printf("-- datagrams\n");
    show_poll("fresh", a);
    ASK(write(a, "x", 1));
    ASK(read(a, buffer, 1));
    ASK(bind_to(a, "@a"));
    ASK(send_to(b, "@a", "hello"));
    ASK(send_to(b, "@nobody", "hello"));
    ASK(send_to(b, "@a", ""));
    show_poll("two", a);
    int count = -1;
    ASK(ioctl(a, FIONREAD, &count)); printf("count %d\n", count);
    ASK(recvfrom(a, buffer, 2, MSG_PEEK | MSG_TRUNC, (void *)&name, &length));
    show_name("unnamed", &name, length);
    receive("cut", a, 2, 0, 0);
    receive("empty", a, 2, 0, 0);
    receive("none", a, 2, 0, 0);
    ASK(bind_to(b, "@b"));
    ASK(send_to(b, "@a", "named"));
    length = sizeof name;
    ASK(recvfrom(a, buffer, 20, MSG_TRUNC, (void *)&name, &length));
    show_name("named", &name, length);
    ASK(connect_to(a, "@b"));
    show_names(a);
    int c = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    ASK(send_to(c, "@a", "not from its peer"));
    ASK(connect_to(c, "@a"));
    ASK(connect_to(b, "@a"));
    ASK(write(a, "to b", 4));
    ASK(send_to(a, "@b", "to b again"));
    ASK(read(b, buffer, 100));
    name.sun_family = AF_UNSPEC;
    ASK(connect(a, (void *)&name, sizeof name));
    OPTION(b, SO_ERROR);
    ASK(read(b, buffer, 100));
    ASK(write(a, "x", 1));
    ASK(write(b, "to a", 4));
    ASK(write(b, "", 0));
    ASK(writev(b, (struct iovec[]) { { "one", 3 }, { "two", 3 } }, 2));
    ASK(read(a, buffer, 100));
    ASK(read(a, buffer, 100));
    ASK(read(a, buffer, 100));
    close(a);
    show_poll("peer closed", b);
    ASK(write(b, "x", 1));
    ASK(write(b, "x", 1));
    close(b); close(c);
    socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, pair);
    ASK(send(pair[0], buffer, 212992 - 31, 0));
    ASK(send(pair[0], buffer, 212992 - 32, 0));
    ASK(recv(pair[1], buffer, sizeof buffer, 0));
    ASK(shutdown(pair[0], SHUT_WR));
    ASK(write(pair[0], "x", 1)); printf("signals %d\n", pipes_broken);
    show_poll("shut", pair[0]);
    show_poll("other", pair[1]);
    ASK(shutdown(pair[1], SHUT_RD));
    ASK(read(pair[1], buffer, 1));
    show_poll("shut for reading", pair[1]);
    ASK(write(pair[1], "x", 1));
    close(pair[0]);
    ASK(write(pair[1], "x", 1));
    close(pair[1]);
    /* A queue that is full. */
    a = socket(AF_UNIX, SOCK_DGRAM, 0); b = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    bind_to(a, "@a");
    connect_to(b, "@a");
    for (count = 0; write(b, "x", 1) == 1; count++) { }
    printf("%d datagrams, then %s\n", count, strerrorname_np(errno));
    show_poll("full", b);
    read(a, buffer, 1);
    show_poll("not full", b);
    close(a); close(b);
}

static void streams(void)
{
    int pair[2];
    printf("-- streams\n");
    socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair);
    long total = 0, got;
    while ((got = write(pair[0], buffer, 10000)) > 0) total += got;
    printf("full: %d %s\n", total > 100000 && total < 300000, strerrorname_np(errno));
    show_poll("full", pair[0]);
    got = recv(pair[1], buffer, total / 8, 0);
    show_poll("an eighth read", pair[0]);
    while (total - got > 0 && recv(pair[1], buffer, 30000, 0) > 0) total -= 30000;
    show_poll("read", pair[0]);
    ASK(write(pair[0], "one", 3));
    ASK(write(pair[0], "two", 3));
    ASK(recv(pair[1], buffer, 10, MSG_PEEK));
    ASK(recv(pair[1], buffer, 4, 0));
    ASK(recv(pair[1], buffer, 10, MSG_WAITALL));
    ASK(recv(pair[1], buffer, 10, MSG_WAITALL));
    ASK(send(pair[0], "x", 1, MSG_DONTROUTE | MSG_MORE));
    ASK(recv(pair[1], buffer, 10, MSG_TRUNC));
    ASK(send(pair[0], (void *)16, 1, 0));
    ASK(recv(pair[1], (void *)16, 1, 0));
    ASK(write(pair[0], "abc", 3));
    ASK(recv(pair[1], (void *)16, 1, 0));
    ASK(recv(pair[1], buffer, 10, 0));
    struct iovec parts[2] = { { "ab", 2 }, { "cd", 2 } }, into[2] = { { buffer, 3 }, { buffer + 3, 3 } };
    ASK(writev(pair[0], parts, 2));
    ASK(readv(pair[1], into, 2));
    printf("%.4s\n", buffer);
    int file = open("/tmp/sendfile", O_RDWR | O_CREAT | O_TRUNC, 0600);
    write(file, "sent from a file", 16);
    lseek(file, 0, SEEK_SET);
    ASK(sendfile(pair[0], file, NULL, 100));
    ASK(read(pair[1], buffer, 100));
    unlink("/tmp/sendfile");
    struct mmsghdr many[3];
    memset(many, 0, sizeof many);
    for (int i = 0; i < 3; i++) { many[i].msg_hdr.msg_iov = parts; many[i].msg_hdr.msg_iovlen = 2; }
    ASK(sendmmsg(pair[0], many, 3, 0));
    printf("%u %u %u\n", many[0].msg_len, many[1].msg_len, many[2].msg_len);
    for (int i = 0; i < 3; i++) { many[i].msg_hdr.msg_iov = into; many[i].msg_hdr.msg_iovlen = 2; }
    ASK(recvmmsg(pair[1], many, 3, MSG_WAITFORONE, NULL));
    printf("%u %u\n", many[0].msg_len, many[1].msg_len);
    close(pair[0]); close(pair[1]);
    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, pair);
    for (int i = 0; i < 3; i++) { many[i].msg_hdr.msg_iov = parts; many[i].msg_hdr.msg_iovlen = 1 + i % 2; }
    ASK(sendmmsg(pair[0], many, 3, 0));
    struct timespec second = { 1, 0 };
    for (int i = 0; i < 3; i++) { many[i].msg_hdr.msg_iov = into; many[i].msg_hdr.msg_iovlen = 1; }
    ASK(recvmmsg(pair[1], many, 2, 0, &second));
    printf("%u %x, %u %x\n", many[0].msg_len, many[0].msg_hdr.msg_flags, many[1].msg_len, many[1].msg_hdr.msg_flags);
    receive("packet", pair[1], 100, 0, 0);
    receive("nothing", pair[1], 100, 0, 0);
    struct msghdr wrong = { .msg_iov = parts, .msg_iovlen = 1025 };
    ASK(sendmsg(pair[0], &wrong, 0));
    wrong.msg_iovlen = 1; wrong.msg_namelen = -1; wrong.msg_name = parts;
    ASK(sendmsg(pair[0], &wrong, 0));
    wrong.msg_name = NULL;
    ASK(sendmsg(pair[0], &wrong, 0));
    ASK(sendmsg(pair[0], NULL, 0));
    ASK(recvmsg(pair[0], NULL, 0));
    close(pair[0]); close(pair[1]);
}

static void rights(void)
{
    int pair[2], files[300];
    struct ucred self = { getpid(), getuid(), getgid() }, odd = { 1 << 30, getuid(), getgid() };
    printf("-- rights\n");
    for (int i = 0; i < 300; i++) files[i] = 0;
    for (int type = SOCK_STREAM; type <= SOCK_SEQPACKET; type += type == 2 ? 3 : 1) {
        socketpair(AF_UNIX, type | SOCK_NONBLOCK, 0, pair);
        ASK(send_rights(pair[0], "one", 3, files, 1, NULL));
        receive("one", pair[1], 10, 100, 0);
        ASK(send_rights(pair[0], "three", 5, files, 3, NULL));
        receive("peeked", pair[1], 10, 100, MSG_PEEK);
        receive("close on exec", pair[1], 10, 100, MSG_CMSG_CLOEXEC);
        ASK(send_rights(pair[0], "no room", 7, files, 3, NULL));
        receive("no room", pair[1], 10, 0, 0);
        ASK(send_rights(pair[0], "some room", 9, files, 3, NULL));
        receive("some room", pair[1], 10, CMSG_LEN(8), 0);
        ASK(send_rights(pair[0], "less", 4, files, 3, NULL));
        receive("less", pair[1], 10, 17, 0);
        ASK(send_rights(pair[0], "x", 1, files, 253, NULL));
        receive("many", pair[1], 10, 4000, 0);
        ASK(send_rights(pair[0], "x", 1, files, 254, NULL));
        ASK(send_rights(pair[0], "x", 1, files, 0, NULL));
        receive("none", pair[1], 10, 100, 0);
        files[1] = 900;
        ASK(send_rights(pair[0], "x", 1, files, 2, NULL));
        files[1] = 0;
        ASK(send_rights(pair[0], "who", 3, files, -1, &self));
        receive("not asked", pair[1], 10, 100, 0);
        ASK(send_rights(pair[0], "before", 6, files, -1, NULL));
        ASK(set(pair[1], SO_PASSCRED, 1));
        receive("sent before", pair[1], 10, 100, 0);
        ASK(send_rights(pair[0], "after", 5, files, -1, NULL));
        receive("sent after", pair[1], 10, 100, 0);
        ASK(send_rights(pair[0], "both", 4, files, 2, &self));
        receive("both", pair[1], 10, 100, 0);
        ASK(send_rights(pair[0], "little", 6, files, 2, &self));
        receive("little", pair[1], 10, 36, 0);
        ASK(send_rights(pair[0], "x", 1, files, -1, &odd));
        ASK(send_rights(pair[0], "aa", 2, files, -1, &self));
        ASK(write(pair[0], "bb", 2));
        receive("joined", pair[1], 10, 100, 0);
        receive("rest", pair[1], 10, 100, 0);
        ASK(set(pair[1], SO_PASSCRED, 0));
        ASK(send_rights(pair[0], "aa", 2, files, -1, NULL));
        ASK(send_rights(pair[0], "bb", 2, files, 1, NULL));
        ASK(send_rights(pair[0], "cc", 2, files, -1, NULL));
        receive("up to the descriptor", pair[1], 100, 100, 0);
        receive("after it", pair[1], 100, 100, 0);
        receive("after that", pair[1], 100, 100, 0);
        ASK(send_rights(pair[0], "dropped", 7, files, 2, NULL));
        ASK(read(pair[1], buffer, 4));
        receive("nothing of it", pair[1], 100, 100, 0);
        close(pair[0]); close(pair[1]);
    }
    /* What was sent works, whoever has closed it. */
    int ends[2];
    socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
    pipe(ends);
    ASK(send_rights(pair[0], "w", 1, &ends[1], 1, NULL));
    close(ends[1]);
    struct pollfd p = { ends[0], POLLIN, 0 };
    ASK(poll(&p, 1, 0));
    close(pair[1]);
    ASK(poll(&p, 1, 0)); printf("%x\n", p.revents);
    close(pair[0]); close(ends[0]);
    /* Circles: the pipe's end in them is closed when nobody can get at it. */
    for (int round = 0; round < 3; round++) {
        int other[2];
        pipe(ends);
        socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
        socketpair(AF_UNIX, SOCK_DGRAM, 0, other);
        int self_and_pipe[2] = { round == 0 ? pair[1] : other[1], ends[1] };
        send_rights(pair[0], "x", 1, self_and_pipe, 2, NULL);
        if (round == 1) send_rights(other[0], "x", 1, &pair[1], 1, NULL);
        if (round == 2) { int both[2] = { pair[1], pair[0] }; send_rights(other[0], "x", 1, both, 2, NULL); }
        close(ends[1]); close(pair[0]); close(pair[1]); close(other[0]);
        p = (struct pollfd) { ends[0], POLLIN, 0 };
        poll(&p, 1, 0);
        /* In the first round there is nothing left that would hold it. */
        printf("round %d: held %x", round, round ? p.revents : 0);
        close(other[1]);
        for (int i = 0; i < 100 && !(p.revents & POLLHUP); i++) {
            close(socket(AF_UNIX, SOCK_STREAM, 0));
            poll(&p, 1, 10);
        }
        printf(" gone %x\n", p.revents);
        close(ends[0]);
    }
}

static void options(void)
{
    int pair[2];
    printf("-- options\n");
    socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
    int fd = pair[0];
    OPTION(fd, SO_SNDBUF); OPTION(fd, SO_RCVBUF); OPTION(fd, SO_RCVLOWAT); OPTION(fd, SO_SNDLOWAT); OPTION(fd, SO_ERROR);
    OPTION(fd, SO_REUSEADDR); OPTION(fd, SO_KEEPALIVE); OPTION(fd, SO_BROADCAST); OPTION(fd, SO_OOBINLINE); OPTION(fd, SO_DONTROUTE);
    OPTION(fd, SO_LINGER); OPTION(fd, SO_RCVTIMEO); OPTION(fd, SO_PASSCRED); OPTION(fd, SO_PRIORITY); OPTION(fd, SO_MARK);
    OPTION(fd, SO_DEBUG); OPTION(fd, SO_NO_CHECK); OPTION(fd, SO_ACCEPTCONN); OPTION(fd, 9999); OPTION(fd, SO_PEERSEC);
    OPTION(fd, SO_REUSEPORT);
    ASK(set(fd, SO_SNDBUF, 10000)); OPTION(fd, SO_SNDBUF);
    ASK(set(fd, SO_SNDBUF, 1)); OPTION(fd, SO_SNDBUF);
    ASK(set(fd, SO_SNDBUF, -1)); OPTION(fd, SO_SNDBUF);
    ASK(set(fd, SO_SNDBUF, 1 << 30)); OPTION(fd, SO_SNDBUF);
    ASK(set(fd, SO_RCVBUF, 0)); OPTION(fd, SO_RCVBUF);
    ASK(set(fd, SO_RCVBUF, 50000)); OPTION(fd, SO_RCVBUF);
    ASK(set(fd, SO_REUSEADDR, 5)); OPTION(fd, SO_REUSEADDR);
    ASK(set(fd, SO_REUSEPORT, 1));
    ASK(set(fd, SO_REUSEPORT, 0));
    ASK(set(fd, SO_KEEPALIVE, 1)); OPTION(fd, SO_KEEPALIVE);
    ASK(set(fd, SO_BROADCAST, 1)); OPTION(fd, SO_BROADCAST);
    ASK(set(fd, SO_RCVLOWAT, 0)); OPTION(fd, SO_RCVLOWAT);
    ASK(set(fd, SO_RCVLOWAT, -5)); OPTION(fd, SO_RCVLOWAT);
    ASK(set(fd, SO_RCVLOWAT, 1));
    ASK(set(fd, SO_SNDLOWAT, 1));
    ASK(set(fd, SO_PRIORITY, 3)); OPTION(fd, SO_PRIORITY);
    ASK(set(fd, SO_TYPE, 1)); ASK(set(fd, SO_ERROR, 1)); ASK(set(fd, SO_ACCEPTCONN, 1));
    ASK(set(fd, 9999, 1));
    ASK(set(fd, SO_ZEROCOPY, 1));
    struct linger linger = { 7, 3 };
    ASK(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger)); OPTION(fd, SO_LINGER);
    ASK(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, 4));
    linger.l_onoff = 0;
    ASK(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger)); OPTION(fd, SO_LINGER);
    struct timeval time = { 1, 500000 };
    ASK(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time));
    socklen_t length = sizeof time;
    ASK(getsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &time, &length)); printf("%ld %ld %u\n", (long)time.tv_sec, (long)time.tv_usec, length);
    time.tv_usec = 1000000;
    ASK(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &time, sizeof time));
    ASK(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &time, 8));
    ASK(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &time, 3));
    ASK(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, NULL, 4));
    ASK(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &time, -1));
    ASK(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &time, 400));
    ASK(setsockopt(fd, 6, 1, &time, 4));
    ASK(setsockopt(0, SOL_SOCKET, SO_REUSEADDR, &time, 4));
    char byte[4] = { 9, 9, 9, 9 };
    length = 1;
    ASK(getsockopt(fd, SOL_SOCKET, SO_TYPE, byte, &length)); printf("%u %d %d\n", length, byte[0], byte[1]);
    length = 0;
    ASK(getsockopt(fd, SOL_SOCKET, SO_TYPE, byte, &length)); printf("%u\n", length);
    length = -1;
    ASK(getsockopt(fd, SOL_SOCKET, SO_TYPE, byte, &length));
    ASK(getsockopt(fd, SOL_SOCKET, SO_TYPE, byte, NULL));
    length = 4;
    ASK(getsockopt(fd, 6, 1, byte, &length));
    struct ucred who;
    length = sizeof who;
    ASK(getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &length));
    printf("%d %d %d %u\n", who.pid == getpid(), who.uid == getuid(), who.gid == getgid(), length);
    int lone = socket(AF_UNIX, SOCK_STREAM, 0);
    ASK(getsockopt(lone, SOL_SOCKET, SO_PEERCRED, &who, &length)); printf("%d %d %d\n", who.pid, who.uid, who.gid);
    OPTION(lone, SO_PEERGROUPS);
    int count;
    ASK(ioctl(fd, TIOCOUTQ, &count)); printf("%d\n", count);
    ASK(ioctl(fd, 0x5401, &count));
    ASK(ioctl(fd, FIONREAD, NULL));
    close(pair[0]); close(pair[1]); close(lone);
}

static long milliseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int worker[2];

static void *feed(void *unused)
{
    for (int i = 0; i < 5; i++) { usleep(20000); write(worker[0], "12345678", 8); }
    usleep(50000);
    shutdown(worker[0], SHUT_WR);
    return NULL;
}

static void *drain(void *unused)
{
    static char into[65536];
    usleep(30000);
    long total = 0, got;
    while ((got = read(worker[1], into, sizeof into)) > 0) total += got;
    printf("drained %ld\n", total);
    return NULL;
}

static void *join(void *unused)
{
    usleep(30000);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    ASK(connect_to(fd, "@waiting"));
    usleep(30000);
    close(fd);
    return NULL;
}

static void on_alarm(int signal) { }

static void waiting(void)
{
    pthread_t thread;
    int pair[2];
    printf("-- waiting\n");
    fflush(stdout);
    socketpair(AF_UNIX, SOCK_STREAM, 0, worker);
    pthread_create(&thread, NULL, feed, NULL);
    ASK(recv(worker[1], buffer, 20, MSG_WAITALL));
    ASK(recv(worker[1], buffer, 100, MSG_WAITALL));
    ASK(recv(worker[1], buffer, 100, MSG_WAITALL));
    pthread_join(thread, NULL);
    close(worker[0]); close(worker[1]);
    socketpair(AF_UNIX, SOCK_STREAM, 0, worker);
    pthread_create(&thread, NULL, drain, NULL);
    ASK(write(worker[0], buffer, sizeof buffer));
    ASK(send(worker[0], buffer, sizeof buffer, 0));
    close(worker[0]);
    pthread_join(thread, NULL);
    close(worker[1]);
    socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
    struct timeval time = { 0, 50000 };
    setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time);
    setsockopt(pair[0], SOL_SOCKET, SO_SNDTIMEO, &time, sizeof time);
    long begin = milliseconds();
    ASK(read(pair[0], buffer, 1));
    ASK(recv(pair[0], buffer, 1, 0));
    long taken = milliseconds() - begin;
    printf("waited %d\n", taken >= 95 && taken < 2000);
    while (write(pair[0], buffer, 10000) == 10000) { }
    ASK(send(pair[0], buffer, 1, 0) == 1 || errno == EAGAIN);
    /* Interrupted, with and without a timeout and SA_RESTART. */
    struct sigaction action = { .sa_handler = on_alarm };
    sigaction(SIGALRM, &action, NULL);
    struct itimerval timer = { { 0, 0 }, { 0, 20000 } };
    setitimer(ITIMER_REAL, &timer, NULL);
    time.tv_sec = 1;
    setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time);
    ASK(read(pair[0], buffer, 1));
    setitimer(ITIMER_REAL, &timer, NULL);
    ASK(recv(pair[1], buffer, sizeof buffer, MSG_WAITALL) > 1000);
    action.sa_flags = SA_RESTART;
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &timer, NULL);
    ASK(recv(pair[0], buffer, 1, 0));
    time.tv_sec = 0;
    setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time);
    close(pair[0]); close(pair[1]);
    int listener = socket(AF_UNIX, SOCK_STREAM, 0);
    bind_to(listener, "@waiting");
    listen(listener, 0);
    setitimer(ITIMER_REAL, &timer, NULL);
    pthread_create(&thread, NULL, join, NULL);
    int fd = accept(listener, NULL, NULL);
    printf("accepted %d\n", fd >= 0);
    ASK(read(fd, buffer, 1));
    pthread_join(thread, NULL);
    close(fd);
    setsockopt(listener, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time);
    ASK(accept(listener, NULL, NULL));
    close(listener);
}

static void report(const char *what, int epoll)
{
    struct epoll_event events[4];
    int count = epoll_wait(epoll, events, 4, 0);
    printf("edge %s:", what);
    for (int i = 0; i < count; i++) printf(" %d:%x", events[i].data.fd, events[i].events);
    printf("\n");
}

static void edges(void)
{
    int pair[2], epoll = epoll_create1(0);
    printf("-- edges\n");
    socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair);
    struct epoll_event in = { EPOLLIN | EPOLLRDHUP | EPOLLET, { .fd = 0 } };
    struct epoll_event out = { EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, { .fd = 1 } };
    epoll_ctl(epoll, EPOLL_CTL_ADD, pair[0], &in);
    epoll_ctl(epoll, EPOLL_CTL_ADD, pair[1], &out);
    report("first", epoll);
    report("none", epoll);
    write(pair[0], "x", 1);
    report("one way", epoll);
    report("none", epoll);
    write(pair[0], "x", 1);
    report("again", epoll);
    write(pair[1], "x", 1);
    report("the other way", epoll);
    while (write(pair[1], buffer, 10000) > 0) { }
    report("filled", epoll);
    while (read(pair[0], buffer, sizeof buffer) > 0) { }
    report("emptied", epoll);
    epoll_ctl(epoll, EPOLL_CTL_MOD, pair[1], &out);
    report("asked again", epoll);
    shutdown(pair[0], SHUT_WR);
    report("shut", epoll);
    close(pair[0]);
    report("closed", epoll);
    close(pair[1]);
    int listener = socket(AF_UNIX, SOCK_STREAM, 0), client[2];
    bind_to(listener, "@edge");
    listen(listener, 5);
    in.data.fd = 2;
    epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &in);
    report("listening", epoll);
    for (int i = 0; i < 2; i++) {
        client[i] = socket(AF_UNIX, SOCK_STREAM, 0);
        connect_to(client[i], "@edge");
        report("connected", epoll);
    }
    close(client[0]); close(client[1]); close(listener); close(epoll);
}

static void processes(void)
{
    int pair[2], status;
    printf("-- processes\n");
    fflush(stdout);
    socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair);
    if (fork() == 0) {
        int ends[2];
        pipe(ends);
        send_rights(pair[1], "reader", 6, &ends[0], 1, NULL);
        close(ends[0]);
        read(pair[1], buffer, 10);
        write(ends[1], "through", 7);
        _exit(3);
    }
    close(pair[1]);
    char control[64];
    struct iovec part = { buffer, 10 };
    struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control };
    ASK(recvmsg(pair[0], &message, 0));
    int reader = *(int *)CMSG_DATA(CMSG_FIRSTHDR(&message));
    write(pair[0], "go", 2);
    ASK(read(reader, buffer, 100));
    wait(&status);
    printf("%.7s %d\n", buffer, WEXITSTATUS(status));
    ASK(read(pair[0], buffer, 1));
    if (getuid() == 0) {
        int listener = socket(AF_UNIX, SOCK_STREAM, 0);
        unlink("/tmp/s1");
        bind_to(listener, "/tmp/s1");
        listen(listener, 5);
        chmod("/tmp/s1", 0755);
        fflush(stdout);
        if (fork() == 0) {
            setgid(7);
            setuid(5);
            int fd = socket(AF_UNIX, SOCK_STREAM, 0);
            ASK(connect_to(fd, "/tmp/s1"));
            struct ucred root = { getpid(), 0, 0 }, parent = { getppid(), 5, 7 };
            socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
            ASK(send_rights(pair[0], "x", 1, NULL, -1, &root));
            ASK(send_rights(pair[0], "x", 1, NULL, -1, &parent));
            ASK(set(pair[0], SO_MARK, 1));
            ASK(set(pair[0], SO_SNDBUFFORCE, 1));
            ASK(set(pair[0], SO_PRIORITY, 7));
            ASK(set(pair[0], SO_DEBUG, 1));
            fflush(stdout);
            _exit(0);
        }
        wait(&status);
        chmod("/tmp/s1", 0777);
        if (fork() == 0) {
            setgid(7);
            setuid(5);
            int fd = socket(AF_UNIX, SOCK_STREAM, 0);
            ASK(connect_to(fd, "/tmp/s1"));
            fflush(stdout);
            usleep(100000);
            _exit(0);
        }
        int fd = accept(listener, NULL, NULL);
        struct ucred who;
        socklen_t length = sizeof who;
        getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &length);
        wait(&status);
        printf("%d %d %d\n", who.pid > 1, who.uid, who.gid);
        close(fd); close(listener);
        unlink("/tmp/s1");
    }
    close(pair[0]);
}

int main(void)
{
    setvbuf(stdout, NULL, _IOFBF, 1 << 18);
    signal(SIGPIPE, on_pipe);
    making();
    naming();
    connecting(SOCK_STREAM);
    connecting(SOCK_SEQPACKET);
    datagrams();
    streams();
    rights();
    options();
    waiting();
    edges();
    processes();
    return 0;
}
