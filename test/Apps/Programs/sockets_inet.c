/* Sockets of TCP and UDP over the loop back: what every call answers, and what poll tells. */
#include "answers.h"
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <unistd.h>

static char buffer[1 << 20];
static volatile int pipes_broken;

static void on_pipe(int signal) { pipes_broken++; }

static int set(int fd, int level, int option, int value) { return setsockopt(fd, level, option, &value, sizeof value); }

static int get(int fd, int level, int option)
{
    int value = -77;
    socklen_t length = sizeof value;
    return getsockopt(fd, level, option, &value, &length) ? -1 : value;
}

/* Lets what is on its way arrive: on Linux another CPU may be at it. */
static void settle(void) { usleep(20000); }

static void show_poll(const char *what, int fd)
{
    struct pollfd p = { fd, 0x3fff, 0 };
    settle();
    poll(&p, 1, 0);
    printf("poll %s: %x\n", what, p.revents);
}

static struct sockaddr_in ipv4(const char *address, int port)
{
    struct sockaddr_in name = { .sin_family = AF_INET, .sin_port = htons(port) };
    inet_pton(AF_INET, address, &name.sin_addr);
    return name;
}

static struct sockaddr_in6 ipv6(const char *address, int port)
{
    struct sockaddr_in6 name = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
    inet_pton(AF_INET6, address, &name.sin6_addr);
    return name;
}

static int bind4(int fd, const char *address, int port)
{
    struct sockaddr_in name = ipv4(address, port);
    return bind(fd, (void *)&name, sizeof name);
}

static int connect4(int fd, const char *address, int port)
{
    struct sockaddr_in name = ipv4(address, port);
    return connect(fd, (void *)&name, sizeof name);
}

static int bind6(int fd, const char *address, int port)
{
    struct sockaddr_in6 name = ipv6(address, port);
    return bind(fd, (void *)&name, sizeof name);
}

static int connect6(int fd, const char *address, int port)
{
    struct sockaddr_in6 name = ipv6(address, port);
    return connect(fd, (void *)&name, sizeof name);
}

static int port_of(int fd)
{
    struct sockaddr_in6 name;
    socklen_t length = sizeof name;
    return getsockname(fd, (void *)&name, &length) ? -1 : ntohs(name.sin6_port);
}

static void show_address(const char *what, const void *address, socklen_t length)
{
    char text[64] = "";
    const struct sockaddr_in *four = address;
    const struct sockaddr_in6 *six = address;
    if (length >= 16 && four->sin_family == AF_INET) inet_ntop(AF_INET, &four->sin_addr, text, sizeof text);
    if (length >= 28 && four->sin_family == AF_INET6) inet_ntop(AF_INET6, &six->sin6_addr, text, sizeof text);
    printf("%s: %u %s %s\n", what, length, text, four->sin_port ? "port" : "none");
}

static void show_names(int fd)
{
    struct sockaddr_in6 name;
    socklen_t length = sizeof name;
    memset(&name, 0, sizeof name);
    if (getsockname(fd, (void *)&name, &length) == 0) show_address("  own", &name, length);
    length = sizeof name;
    memset(&name, 0, sizeof name);
    if (getpeername(fd, (void *)&name, &length) == 0) show_address("  peer", &name, length);
    else printf("  no peer: %s\n", strerrorname_np(errno));
}

/* Makes a connection. */
static int connected(int *client, int *server)
{
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    bind4(listener, "127.0.0.1", 0);
    listen(listener, 5);
    *client = socket(AF_INET, SOCK_STREAM, 0);
    int result = connect4(*client, "127.0.0.1", port_of(listener));
    *server = accept(listener, NULL, NULL);
    close(listener);
    return result;
}

static void making(void)
{
    printf("-- making\n");
    ASK_IF(socket(AF_INET, SOCK_STREAM, 0));
    ASK_IF(socket(AF_INET, SOCK_STREAM, IPPROTO_TCP));
    ASK(socket(AF_INET, SOCK_STREAM, IPPROTO_UDP));
    ASK(socket(AF_INET, SOCK_DGRAM, IPPROTO_TCP));
    ASK_IF(socket(AF_INET6, SOCK_DGRAM, IPPROTO_UDP));
    ASK(socket(AF_INET, SOCK_SEQPACKET, 0));
    ASK(socket(AF_INET, SOCK_STREAM, 300));
    ASK(socket(AF_INET, SOCK_STREAM, -1));
    int pair[2];
    ASK(socketpair(AF_INET, SOCK_STREAM, 0, pair));
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    show_poll("fresh", fd);
    show_names(fd);
    ASK(read(fd, buffer, 1));
    ASK(write(fd, buffer, 1)); printf("signals %d\n", pipes_broken);
    ASK(accept(fd, NULL, NULL));
    ASK(shutdown(fd, SHUT_RDWR));
    ASK(bind4(fd, "1.2.3.4", 0));
    ASK(bind6(fd, "::1", 0));
    struct sockaddr_in short_name = ipv4("127.0.0.1", 0);
    ASK(bind(fd, (void *)&short_name, 8));
    ASK(connect(fd, (void *)&short_name, 8));
    ASK(connect4(fd, "127.0.0.1", 1));
    ASK(get(fd, SOL_SOCKET, SO_ERROR));
    ASK(connect4(fd, "127.0.0.1", 1));
    ASK(bind4(fd, "127.0.0.1", 0));
    ASK(port_of(fd) > 0);
    ASK(bind4(fd, "127.0.0.1", 0));
    ASK(get(fd, SOL_SOCKET, SO_TYPE));
    ASK(get(fd, SOL_SOCKET, SO_DOMAIN));
    ASK(get(fd, SOL_SOCKET, SO_PROTOCOL));
    ASK(get(fd, SOL_SOCKET, SO_ACCEPTCONN));
    close(fd);
}

static void binding(void)
{
    printf("-- binding\n");
    int a = socket(AF_INET, SOCK_STREAM, 0), b = socket(AF_INET, SOCK_STREAM, 0), c = socket(AF_INET6, SOCK_STREAM, 0);
    bind4(a, "127.0.0.1", 0);
    int port = port_of(a);
    ASK(bind4(b, "127.0.0.1", port));
    ASK(bind4(b, "0.0.0.0", port));
    ASK(bind6(c, "::", port));
    ASK(bind4(b, "127.0.0.2", port));
    close(b); close(c);
    b = socket(AF_INET, SOCK_STREAM, 0);
    set(a, SOL_SOCKET, SO_REUSEADDR, 1);
    set(b, SOL_SOCKET, SO_REUSEADDR, 1);
    ASK(bind4(b, "127.0.0.1", port));
    ASK(listen(a, 1));
    ASK(listen(b, 1));
    close(b);
    b = socket(AF_INET, SOCK_STREAM, 0);
    set(b, SOL_SOCKET, SO_REUSEADDR, 1);
    ASK(bind4(b, "127.0.0.1", port));
    close(a); close(b);
    a = socket(AF_INET, SOCK_STREAM, 0); b = socket(AF_INET, SOCK_STREAM, 0);
    set(a, SOL_SOCKET, SO_REUSEPORT, 1); set(b, SOL_SOCKET, SO_REUSEPORT, 1);
    bind4(a, "127.0.0.1", 0);
    ASK(bind4(b, "127.0.0.1", port_of(a)));
    ASK(listen(a, 1));
    ASK(listen(b, 1));
    close(a); close(b);
    c = socket(AF_INET6, SOCK_STREAM, 0);
    ASK(set(c, IPPROTO_IPV6, IPV6_V6ONLY, 1));
    ASK(bind6(c, "::", 0));
    ASK(set(c, IPPROTO_IPV6, IPV6_V6ONLY, 0));
    a = socket(AF_INET, SOCK_STREAM, 0);
    ASK(bind4(a, "0.0.0.0", port_of(c)));
    close(a); close(c);
    a = socket(AF_INET, SOCK_DGRAM, 0); b = socket(AF_INET, SOCK_DGRAM, 0);
    ASK(bind4(a, "0.0.0.0", 0));
    ASK(bind4(b, "127.0.0.1", port_of(a)));
    set(a, SOL_SOCKET, SO_REUSEADDR, 1); set(b, SOL_SOCKET, SO_REUSEADDR, 1);
    ASK(bind4(b, "127.0.0.1", port_of(a)));
    close(a); close(b);
}

static void streams(void)
{
    int client, server;
    printf("-- streams\n");
    ASK(connected(&client, &server));
    show_names(client);
    show_names(server);
    show_poll("connected", client);
    ASK(connect4(client, "127.0.0.1", 9));
    ASK(listen(client, 1));
    ASK(write(client, "hello", 5));
    show_poll("readable", server);
    int count = -1;
    ASK(ioctl(server, FIONREAD, &count)); printf("%d\n", count);
    ASK(recv(server, buffer, 3, MSG_PEEK));
    ASK(recv(server, buffer, 2, 0));
    ASK(recv(server, buffer, 2, MSG_TRUNC));
    ASK(read(server, buffer, 100)); printf("%.1s\n", buffer);
    ASK(recv(server, buffer, 100, MSG_DONTWAIT));
    struct iovec parts[2] = { { "ab", 2 }, { "cde", 3 } };
    ASK(writev(server, parts, 2));
    ASK(read(client, buffer, 100));
    ASK(send(client, "x", 1, MSG_MORE));
    ASK(send(client, "y", 1, 0));
    settle();
    ASK(recv(server, buffer, 2, MSG_WAITALL)); printf("%.2s\n", buffer);
    ASK(shutdown(client, SHUT_WR));
    show_poll("half closed", client);
    show_poll("peer's half closed", server);
    ASK(read(server, buffer, 1));
    ASK(write(client, "x", 1)); printf("signals %d\n", pipes_broken);
    ASK(send(client, "x", 1, MSG_NOSIGNAL)); printf("signals %d\n", pipes_broken);
    ASK(write(server, "still", 5));
    ASK(read(client, buffer, 100));
    ASK(shutdown(server, SHUT_WR));
    show_poll("both closed", server);
    show_poll("both closed", client);
    ASK(read(client, buffer, 100));
    close(client); close(server);
    connected(&client, &server);
    ASK(shutdown(client, SHUT_RD));
    show_poll("shut for reading", client);
    ASK(read(client, buffer, 1));
    ASK(write(client, "x", 1));
    close(client); close(server);
    /* Closed with something unread: a reset. */
    connected(&client, &server);
    write(client, "x", 1);
    settle();
    close(server);
    show_poll("reset", client);
    ASK(read(client, buffer, 1));
    ASK(read(client, buffer, 1));
    show_poll("reset, told", client);
    ASK(write(client, "x", 1)); printf("signals %d\n", pipes_broken);
    close(client);
    connected(&client, &server);
    struct linger linger = { 1, 0 };
    setsockopt(server, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
    close(server);
    show_poll("lingered 0", client);
    ASK(get(client, SOL_SOCKET, SO_ERROR));
    ASK(get(client, SOL_SOCKET, SO_ERROR));
    ASK(read(client, buffer, 1));
    close(client);
    connected(&client, &server);
    close(server);
    settle();
    ASK(write(client, "x", 1));
    settle();
    ASK(write(client, "x", 1)); printf("signals %d\n", pipes_broken);
    close(client);
    /* Urgent. */
    connected(&client, &server);
    ASK(send(client, "ab", 2, MSG_OOB));
    ASK(send(client, "cd", 2, 0));
    show_poll("urgent", server);
    int mark = -1;
    ASK(ioctl(server, SIOCATMARK, &mark)); printf("%d\n", mark);
    ASK(recv(server, buffer, 1, MSG_OOB)); printf("%c\n", buffer[0]);
    ASK(recv(server, buffer, 1, MSG_OOB));
    ASK(recv(server, buffer, 10, 0));
    ASK(ioctl(server, SIOCATMARK, &mark)); printf("%d\n", mark);
    ASK(recv(server, buffer, 10, 0));
    close(client); close(server);
}

static void nonblocking(void)
{
    printf("-- nonblocking\n");
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    bind4(listener, "127.0.0.1", 0);
    ASK(listen(listener, 1));
    ASK(get(listener, SOL_SOCKET, SO_ACCEPTCONN));
    show_poll("listening", listener);
    ASK(accept(listener, NULL, NULL));
    ASK(read(listener, buffer, 1));
    ASK(connect4(listener, "127.0.0.1", 9));
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    ASK(connect4(fd, "127.0.0.1", port_of(listener)));
    show_poll("connected", fd);
    ASK(get(fd, SOL_SOCKET, SO_ERROR));
    ASK(connect4(fd, "127.0.0.1", port_of(listener)));
    ASK(connect4(fd, "127.0.0.1", port_of(listener)));
    show_poll("to accept", listener);
    struct sockaddr_in6 name;
    socklen_t length = sizeof name;
    int server = accept4(listener, (void *)&name, &length, SOCK_NONBLOCK);
    show_address("from", &name, length);
    ASK(fcntl(server, F_GETFL));
    ASK(read(server, buffer, 1));
    long total = 0, got;
    while ((got = write(fd, buffer, sizeof buffer)) > 0) total += got;
    printf("full %d %s\n", total > 20000, strerrorname_np(errno));
    while (total > 0) {
        if ((got = read(server, buffer, sizeof buffer)) > 0) total -= got;
        else { struct pollfd p = { server, POLLIN, 0 }; if (poll(&p, 1, 1000) != 1) break; }
    }
    printf("left %ld\n", total);
    show_poll("writable", fd);
    close(fd); close(server);
    fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    ASK(connect4(fd, "127.0.0.1", 1));
    show_poll("refused", fd);
    ASK(get(fd, SOL_SOCKET, SO_ERROR));
    show_poll("refused, told", fd);
    ASK(get(fd, SOL_SOCKET, SO_ERROR));
    close(fd);
    fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    connect4(fd, "127.0.0.1", 1);
    settle();
    ASK(connect4(fd, "127.0.0.1", 1));
    close(fd);
    int port = port_of(listener);
    close(listener);
    fd = socket(AF_INET, SOCK_STREAM, 0);
    ASK(connect4(fd, "127.0.0.1", port));
    name.sin6_family = AF_UNSPEC;
    ASK(connect(fd, (void *)&name, sizeof name));
    close(fd);
}

static void options(void)
{
    int client, server;
    printf("-- options\n");
    connected(&client, &server);
    ASK(get(client, IPPROTO_TCP, TCP_NODELAY)); ASK(set(client, IPPROTO_TCP, TCP_NODELAY, 5)); ASK(get(client, IPPROTO_TCP, TCP_NODELAY));
    ASK(get(client, IPPROTO_TCP, TCP_CORK)); ASK(set(client, IPPROTO_TCP, TCP_CORK, 1)); ASK(get(client, IPPROTO_TCP, TCP_CORK));
    ASK(get(client, IPPROTO_TCP, TCP_KEEPIDLE)); ASK(set(client, IPPROTO_TCP, TCP_KEEPIDLE, 0));
    ASK(set(client, IPPROTO_TCP, TCP_KEEPIDLE, 100)); ASK(get(client, IPPROTO_TCP, TCP_KEEPIDLE));
    ASK(get(client, IPPROTO_TCP, TCP_KEEPINTVL)); ASK(set(client, IPPROTO_TCP, TCP_KEEPINTVL, 32768));
    ASK(get(client, IPPROTO_TCP, TCP_KEEPCNT)); ASK(set(client, IPPROTO_TCP, TCP_KEEPCNT, 128));
    ASK(set(client, IPPROTO_TCP, TCP_KEEPCNT, 3)); ASK(get(client, IPPROTO_TCP, TCP_KEEPCNT));
    ASK(get(client, IPPROTO_TCP, TCP_SYNCNT)); ASK(set(client, IPPROTO_TCP, TCP_SYNCNT, 0));
    ASK(get(client, IPPROTO_TCP, TCP_LINGER2)); ASK(set(client, IPPROTO_TCP, TCP_LINGER2, 10)); ASK(get(client, IPPROTO_TCP, TCP_LINGER2));
    ASK(get(client, IPPROTO_TCP, TCP_DEFER_ACCEPT));
    ASK(get(client, IPPROTO_TCP, TCP_USER_TIMEOUT)); ASK(set(client, IPPROTO_TCP, TCP_USER_TIMEOUT, 1234));
    ASK(get(client, IPPROTO_TCP, TCP_USER_TIMEOUT));
    ASK(set(client, IPPROTO_TCP, TCP_USER_TIMEOUT, -1));
    ASK(set(client, IPPROTO_TCP, TCP_MAXSEG, 10));
    ASK(set(client, IPPROTO_TCP, 9999, 1)); ASK(get(client, IPPROTO_TCP, 9999));
    ASK(get(client, 999, 1));
    char name[32];
    socklen_t length = sizeof name;
    ASK(getsockopt(client, IPPROTO_TCP, TCP_CONGESTION, name, &length)); printf("%u\n", length);
    ASK(setsockopt(client, IPPROTO_TCP, TCP_CONGESTION, "reno", 4));
    length = sizeof name;
    ASK(getsockopt(client, IPPROTO_TCP, TCP_CONGESTION, name, &length)); printf("%u %s\n", length, name);
    ASK(setsockopt(client, IPPROTO_TCP, TCP_CONGESTION, "none", 4));
    char info[512];
    length = sizeof info;
    ASK(getsockopt(client, IPPROTO_TCP, TCP_INFO, info, &length)); printf("%u state %d\n", length, info[0]);
    length = 104;
    ASK(getsockopt(client, IPPROTO_TCP, TCP_INFO, info, &length)); printf("%u\n", length);
    length = 1;
    ASK(getsockopt(client, IPPROTO_TCP, TCP_INFO, info, &length)); printf("%u\n", length);
    ASK(get(client, IPPROTO_IP, IP_TTL)); ASK(set(client, IPPROTO_IP, IP_TTL, 0)); ASK(set(client, IPPROTO_IP, IP_TTL, 256));
    ASK(set(client, IPPROTO_IP, IP_TTL, 77)); ASK(get(client, IPPROTO_IP, IP_TTL)); ASK(set(client, IPPROTO_IP, IP_TTL, -1));
    ASK(get(client, IPPROTO_IP, IP_TTL));
    ASK(get(client, IPPROTO_IP, IP_TOS)); ASK(set(client, IPPROTO_IP, IP_TOS, 16)); ASK(get(client, IPPROTO_IP, IP_TOS));
    ASK(get(client, IPPROTO_IPV6, IPV6_V6ONLY));
    ASK(get(client, SOL_SOCKET, SO_KEEPALIVE)); ASK(set(client, SOL_SOCKET, SO_KEEPALIVE, 1)); ASK(get(client, SOL_SOCKET, SO_KEEPALIVE));
    ASK(set(client, SOL_SOCKET, SO_SNDBUF, 20000)); ASK(get(client, SOL_SOCKET, SO_SNDBUF));
    ASK(set(client, SOL_SOCKET, SO_RCVBUF, 20000)); ASK(get(client, SOL_SOCKET, SO_RCVBUF));
    ASK(set(client, SOL_SOCKET, SO_REUSEPORT, 1)); ASK(get(client, SOL_SOCKET, SO_REUSEPORT));
    ASK(set(client, SOL_SOCKET, SO_OOBINLINE, 1)); ASK(get(client, SOL_SOCKET, SO_OOBINLINE));
    close(client); close(server);
    int fd = socket(AF_INET6, SOCK_STREAM, 0);
    ASK(get(fd, IPPROTO_IPV6, IPV6_V6ONLY)); ASK(get(fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS));
    ASK(set(fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, 300));
    ASK(set(fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, 9)); ASK(get(fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS));
    length = sizeof info;
    ASK(getsockopt(fd, IPPROTO_TCP, TCP_INFO, info, &length)); printf("%u state %d\n", length, info[0]);
    close(fd);
}

static void dual(void)
{
    printf("-- both versions\n");
    int listener = socket(AF_INET6, SOCK_STREAM, 0);
    ASK(bind6(listener, "::", 0));
    listen(listener, 5);
    show_names(listener);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    ASK(connect4(fd, "127.0.0.1", port_of(listener)));
    struct sockaddr_in6 name;
    socklen_t length = sizeof name;
    int server = accept(listener, (void *)&name, &length);
    show_address("from", &name, length);
    show_names(server);
    close(fd); close(server);
    fd = socket(AF_INET6, SOCK_STREAM, 0);
    ASK(connect6(fd, "::1", port_of(listener)));
    server = accept(listener, NULL, NULL);
    show_names(server);
    show_names(fd);
    close(fd); close(server);
    fd = socket(AF_INET6, SOCK_STREAM, 0);
    ASK(connect6(fd, "::ffff:127.0.0.1", port_of(listener)));
    show_names(fd);
    close(fd);
    fd = socket(AF_INET6, SOCK_STREAM, 0);
    ASK(connect4(fd, "127.0.0.1", port_of(listener)));
    set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
    ASK(connect6(fd, "::ffff:127.0.0.1", port_of(listener)));
    close(fd);
    fd = socket(AF_INET, SOCK_STREAM, 0);
    ASK(connect4(fd, "0.0.0.0", port_of(listener)));
    close(fd);
    close(listener);
}

static void datagrams(void)
{
    struct sockaddr_in name = ipv4("127.0.0.1", 0), from;
    socklen_t length = sizeof from;
    printf("-- datagrams\n");
    int a = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0), b = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    show_poll("fresh", a);
    ASK(write(a, "x", 1));
    ASK(read(a, buffer, 1));
    bind4(b, "127.0.0.1", 0);
    name.sin_port = htons(port_of(b));
    ASK(sendto(a, "hello", 5, 0, (void *)&name, sizeof name));
    ASK(sendto(a, "", 0, 0, (void *)&name, sizeof name));
    show_names(a);
    show_poll("readable", b);
    int count = -1;
    ASK(ioctl(b, FIONREAD, &count)); printf("%d\n", count);
    ASK(recv(b, buffer, 2, MSG_PEEK | MSG_TRUNC));
    ASK(recvfrom(b, buffer, 2, 0, (void *)&from, &length));
    show_address("from", &from, length);
    ASK(recv(b, buffer, 2, 0));
    ASK(recv(b, buffer, 2, 0));
    ASK(sendto(a, buffer, 65508, 0, (void *)&name, sizeof name));
    ASK(sendto(a, buffer, 65507, 0, (void *)&name, sizeof name));
    settle();
    ASK(recv(b, buffer, sizeof buffer, 0));
    ASK(connect(a, (void *)&name, sizeof name));
    show_names(a);
    ASK(write(a, "one", 3));
    struct mmsghdr many[3];
    struct iovec part = { "many", 4 };
    memset(many, 0, sizeof many);
    for (int i = 0; i < 3; i++) { many[i].msg_hdr.msg_iov = &part; many[i].msg_hdr.msg_iovlen = 1; }
    ASK(sendmmsg(a, many, 3, 0));
    settle();
    static char into[3][10];
    struct iovec room[3] = { { into[0], 10 }, { into[1], 10 }, { into[2], 2 } };
    for (int i = 0; i < 3; i++) { many[i].msg_hdr.msg_iov = &room[i]; }
    ASK(recvmmsg(b, many, 3, 0, NULL));
    for (int i = 0; i < 3; i++) printf("%u %x\n", many[i].msg_len, many[i].msg_hdr.msg_flags);
    ASK(recv(b, buffer, 10, 0));
    /* Details in control messages. */
    ASK(set(b, IPPROTO_IP, IP_PKTINFO, 1)); ASK(set(b, IPPROTO_IP, IP_RECVTTL, 1)); ASK(set(b, IPPROTO_IP, IP_RECVTOS, 1));
    ASK(write(a, "details", 7));
    settle();
    char control[256];
    part = (struct iovec) { buffer, 100 };
    struct msghdr message = { &from, sizeof from, &part, 1, control, sizeof control, 0 };
    ASK(recvmsg(b, &message, 0));
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&message); c; c = CMSG_NXTHDR(&message, c)) {
        printf("control %d %d %zu:", c->cmsg_level, c->cmsg_type, c->cmsg_len);
        for (size_t i = 0; i < c->cmsg_len - CMSG_LEN(0); i++) printf(" %02x", CMSG_DATA(c)[i]);
        printf("\n");
    }
    /* From somebody else. */
    int c = socket(AF_INET, SOCK_DGRAM, 0);
    struct sockaddr_in to_a = ipv4("127.0.0.1", port_of(a));
    ASK(sendto(c, "x", 1, 0, (void *)&to_a, sizeof to_a));
    settle();
    ASK(recv(a, buffer, 1, 0));
    /* Nobody there. */
    close(b);
    ASK(write(a, "x", 1));
    show_poll("refused", a);
    ASK(get(a, SOL_SOCKET, SO_ERROR));
    ASK(write(a, "x", 1));
    settle();
    ASK(write(a, "x", 1));
    ASK(write(a, "x", 1));
    settle();
    ASK(read(a, buffer, 1));
    ASK(read(a, buffer, 1));
    from.sin_family = AF_UNSPEC;
    ASK(connect(a, (void *)&from, sizeof from));
    show_names(a);
    ASK(sendto(c, "x", 1, 0, (void *)&name, sizeof name));
    settle();
    ASK(recv(c, buffer, 1, MSG_DONTWAIT));
    ASK(set(c, IPPROTO_IP, IP_RECVERR, 1));
    ASK(sendto(c, "x", 1, 0, (void *)&name, sizeof name));
    show_poll("complaint", c);
    memset(control, 0, sizeof control);
    message.msg_controllen = sizeof control;
    ASK_IF(recvmsg(c, &message, MSG_ERRQUEUE)); printf("%x\n", message.msg_flags);
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    printf("complaint %d %d %zu:", header->cmsg_level, header->cmsg_type, header->cmsg_len);
    for (size_t i = 0; i < 16; i++) printf(" %02x", CMSG_DATA(header)[i]);
    printf("\n");
    close(a); close(c);
    /* All in a group. */
    a = socket(AF_INET, SOCK_DGRAM, 0);
    struct ip_mreqn group = { .imr_ifindex = 1 };
    inet_pton(AF_INET, "239.1.2.3", &group.imr_multiaddr);
    bind4(a, "0.0.0.0", 0);
    ASK(setsockopt(a, IPPROTO_IP, IP_ADD_MEMBERSHIP, &group, sizeof group));
    ASK(setsockopt(a, IPPROTO_IP, IP_ADD_MEMBERSHIP, &group, sizeof group));
    b = socket(AF_INET, SOCK_DGRAM, 0);
    ASK(setsockopt(b, IPPROTO_IP, IP_MULTICAST_IF, &group, sizeof group));
    name = ipv4("239.1.2.3", port_of(a));
    ASK(sendto(b, "all", 3, 0, (void *)&name, sizeof name));
    settle();
    ASK(recv(a, buffer, 10, MSG_DONTWAIT));
    ASK(set(b, IPPROTO_IP, IP_MULTICAST_LOOP, 0)); ASK(get(b, IPPROTO_IP, IP_MULTICAST_LOOP)); ASK(get(b, IPPROTO_IP, IP_MULTICAST_TTL));
    ASK(sendto(b, "none", 4, 0, (void *)&name, sizeof name));
    ASK(setsockopt(a, IPPROTO_IP, IP_DROP_MEMBERSHIP, &group, sizeof group));
    ASK(setsockopt(a, IPPROTO_IP, IP_DROP_MEMBERSHIP, &group, sizeof group));
    close(a); close(b);
}

static void *answer_all(void *listener)
{
    int fd = accept(*(int *)listener, NULL, NULL);
    static char into[65536];
    long got, total = 0;
    while ((got = read(fd, into, sizeof into)) > 0) { total += got; write(fd, into, got); }
    printf("echoed %ld\n", total);
    close(fd);
    return NULL;
}

static void *read_all(void *fd)
{
    static char into[65536];
    long got, total = 0;
    while ((got = read(*(int *)fd, into, sizeof into)) > 0) total += got;
    printf("came back %ld\n", total);
    return NULL;
}

static void waiting(void)
{
    pthread_t echo, reader;
    printf("-- waiting\n");
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    bind4(listener, "127.0.0.1", 0);
    listen(listener, 1);
    pthread_create(&echo, NULL, answer_all, &listener);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    ASK(connect4(fd, "127.0.0.1", port_of(listener)));
    pthread_create(&reader, NULL, read_all, &fd);
    for (int i = 0; i < 4; i++) { ASK(write(fd, buffer, sizeof buffer)); }
    shutdown(fd, SHUT_WR);
    pthread_join(echo, NULL);
    pthread_join(reader, NULL);
    close(fd); close(listener);
    int client, server;
    connected(&client, &server);
    struct timeval time = { 0, 50000 };
    setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time);
    ASK(recv(client, buffer, 1, 0));
    ASK(read(client, buffer, 1));
    int one = 1;
    setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    /* Small ones forth and back: slow where acknowledgments are waited for. */
    struct timespec begin, end;
    clock_gettime(CLOCK_MONOTONIC, &begin);
    for (int i = 0; i < 100; i++) {
        write(client, "1", 1);
        write(client, "2", 1);
        recv(server, buffer, 2, MSG_WAITALL);
        write(server, "3", 1);
        recv(client, buffer, 1, MSG_WAITALL);
    }
    clock_gettime(CLOCK_MONOTONIC, &end);
    printf("quick %d\n", end.tv_sec - begin.tv_sec < 3);
    close(client); close(server);
}

static void report(const char *what, int epoll)
{
    struct epoll_event events[4];
    settle();
    int count = epoll_wait(epoll, events, 4, 0);
    printf("edge %s:", what);
    for (int fd = 0; fd < 3; fd++) {
        for (int i = 0; i < count; i++) if (events[i].data.fd == fd) printf(" %d:%x", fd, events[i].events);
    }
    printf("\n");
}

static void edges(void)
{
    int client, server, epoll = epoll_create1(0);
    printf("-- edges\n");
    connected(&client, &server);
    struct epoll_event in = { EPOLLIN | EPOLLRDHUP | EPOLLET, { .fd = 0 } };
    struct epoll_event out = { EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, { .fd = 1 } };
    epoll_ctl(epoll, EPOLL_CTL_ADD, client, &in);
    epoll_ctl(epoll, EPOLL_CTL_ADD, server, &out);
    report("first", epoll);
    report("none", epoll);
    write(client, "x", 1);
    report("one way", epoll);
    write(client, "x", 1);
    report("again", epoll);
    report("none", epoll);
    write(server, "x", 1);
    report("the other way", epoll);
    shutdown(client, SHUT_WR);
    report("shut", epoll);
    close(client);
    close(server); close(epoll);
}

int main(void)
{
    setvbuf(stdout, NULL, _IOFBF, 1 << 18);
    signal(SIGPIPE, on_pipe);
    making();
    binding();
    streams();
    nonblocking();
    options();
    dual();
    datagrams();
    waiting();
    edges();
    return 0;
}
