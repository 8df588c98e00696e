/* Pseudo-terminals: both ends, hang-ups, packet mode, sessions and foreground groups, sizes, queues. */
#include "answers.h"
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

static char slave_name[64];
static volatile sig_atomic_t seen[65];

static void on_signal(int number) { seen[number]++; }

static void handle(int number, int flags)
{
    struct sigaction action = { .sa_handler = on_signal, .sa_flags = flags };
    sigaction(number, &action, NULL);
}

static void pause_for(int milliseconds)
{
    struct timespec time = { milliseconds / 1000, milliseconds % 1000 * 1000000L };
    while (nanosleep(&time, &time) != 0) { }
}

static int open_master(void)
{
    int zero = 0, number = -1;
    int master = open("/dev/ptmx", O_RDWR | O_NOCTTY);
    if (master < 0 || ioctl(master, TIOCGPTN, &number) != 0 || ioctl(master, TIOCSPTLCK, &zero) != 0) {
        perror("ptmx");
        exit(1);
    }
    snprintf(slave_name, sizeof slave_name, "/dev/pts/%d", number);
    return master;
}

static int open_slave(void) { return open(slave_name, O_RDWR | O_NOCTTY); }

/* Prints what a read gives, in C's notation, once bytes that are under way have arrived. */
static void show(const char *what, int fd)
{
    char bytes[256];
    pause_for(20);
    errno = 0;
    ssize_t count = read(fd, bytes, sizeof bytes);
    printf("%s: %zd %s \"", what, count, count < 0 ? strerrorname_np(errno) : "");
    for (ssize_t i = 0; i < count; i++) {
        unsigned char c = bytes[i];
        if (c >= 32 && c < 127) putchar(c); else printf("\\%o", c);
    }
    puts("\"");
}

static void show_poll(const char *what, int fd)
{
    pause_for(20);
    struct pollfd item = { fd, POLLIN | POLLOUT | POLLPRI | POLLRDHUP };
    int count = poll(&item, 1, 0);
    printf("%s: %d %x\n", what, count, item.revents);
}

static void raw(int fd)
{
    struct termios modes;
    tcgetattr(fd, &modes);
    cfmakeraw(&modes);
    tcsetattr(fd, TCSANOW, &modes);
}

static int in_child(int (*body)(void))
{
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        int code = body();
        fflush(stdout);
        _exit(code);
    }
    int status = 0;
    waitpid(child, &status, 0);
    if (WIFEXITED(status)) printf("child: exited %d\n", WEXITSTATUS(status));
    else printf("child: signal %d\n", WTERMSIG(status));
    return status;
}

static void opening(void)
{
    puts("-- opening");
    int master = open("/dev/ptmx", O_RDWR | O_NOCTTY), number = -1, lock = -1, zero = 0, one = 1;
    ASK_IF(master);
    ASK(ioctl(master, TIOCGPTN, &number));
    snprintf(slave_name, sizeof slave_name, "/dev/pts/%d", number);
    ASK(ioctl(master, TIOCGPTLCK, &lock));
    printf("locked %d\n", lock);
    ASK_IF(open_slave());
    ASK(ioctl(master, TIOCSPTLCK, &zero));
    ASK(ioctl(master, TIOCGPTLCK, &lock));
    printf("locked %d\n", lock);
    ASK(ioctl(master, TIOCSPTLCK, NULL));
    struct stat of_master, of_slave;
    ASK(fstat(master, &of_master));
    ASK(stat(slave_name, &of_slave));
    printf("master %o %u:%u slave type %o %u:%d uid %d\n", of_master.st_mode & S_IFMT, major(of_master.st_rdev),
        minor(of_master.st_rdev), of_slave.st_mode & S_IFMT, major(of_slave.st_rdev), (int)minor(of_slave.st_rdev) - number,
        of_slave.st_uid);
    int slave = open_slave();
    ASK_IF(slave);
    ASK(ioctl(slave, TIOCGPTN, &number));
    ASK(ioctl(slave, TIOCSPTLCK, &one));
    ASK(ioctl(slave, TIOCPKT, &one));
    ASK(ioctl(slave, TIOCSIG, SIGINT));
    int peer = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
    ASK_IF(peer);
    struct stat of_peer;
    fstat(peer, &of_peer);
    printf("the same %d cloexec %d\n", of_peer.st_ino == of_slave.st_ino && of_peer.st_dev == of_slave.st_dev, fcntl(peer, F_GETFD));
    ASK(ioctl(slave, TIOCGPTPEER, O_RDWR | O_NOCTTY));
    unsigned device = 0;
    ASK(ioctl(master, TIOCGDEV, &device));
    printf("device %d:%d\n", device >> 8 & 0xfff, (int)(device & 0xff) - number);
    printf("ttyname %d\n", strcmp(ttyname(slave), slave_name));
    struct termios modes;
    ASK(tcgetattr(slave, &modes));
    printf("modes %x %x %x %x\n", modes.c_iflag, modes.c_oflag, modes.c_cflag, modes.c_lflag);
    for (int i = 0; i < 19; i++) printf("%d ", modes.c_cc[i]);
    puts("");
    ASK(tcgetattr(master, &modes));
    printf("modes %x %x %x %x\n", modes.c_iflag, modes.c_oflag, modes.c_cflag, modes.c_lflag);
    cfsetspeed(&modes, B9600);
    modes.c_cflag = (modes.c_cflag & ~CSIZE) | CS7 | PARENB;
    ASK(tcsetattr(master, TCSANOW, &modes));
    ASK(tcgetattr(slave, &modes));
    printf("modes %x speed %x\n", modes.c_cflag, cfgetospeed(&modes));
    struct winsize size = { 1, 1, 1, 1 };
    ASK(ioctl(slave, TIOCGWINSZ, &size));
    printf("size %d %d\n", size.ws_row, size.ws_col);
    ASK(ioctl(master, TIOCSWINSZ, &(struct winsize){ 30, 90 }));
    ASK(ioctl(slave, TIOCGWINSZ, &size));
    printf("size %d %d\n", size.ws_row, size.ws_col);
    ASK(ioctl(master, TIOCMGET, &number));
    ASK(ioctl(slave, TIOCSTI, NULL));
    ASK(ioctl(slave, 0x5499, NULL));
    ASK(ioctl(master, 0x5499, NULL));
    ASK(lseek(master, 0, SEEK_CUR));
    ASK(lseek(slave, 0, SEEK_CUR));
    ASK(pread(master, &number, 1, 0));
    int other = open("/dev/ptmx", O_RDWR | O_NOCTTY), other_number = -1;
    ASK(ioctl(other, TIOCGPTN, &other_number));
    printf("another %d\n", other_number != number);
    close(other);
    ASK(access(slave_name, F_OK));
    ASK(unlink(slave_name));
    ASK(open("/dev/pts/new", O_CREAT | O_RDWR, 0600));
    ASK(mkdir("/dev/pts/new", 0700));
    ASK(rename(slave_name, "/dev/pts/moved"));
    ASK(chmod(slave_name, 0620));
    struct statfs fs;
    ASK(statfs("/dev/pts", &fs));
    printf("type %lx\n", (long)fs.f_type);
    close(slave);
    close(peer);
    close(master);
    ASK(access("/dev/pts/ptmx", F_OK));
}

static void data(void)
{
    puts("-- data");
    int master = open_master(), slave = open_slave(), count = -1;
    fcntl(master, F_SETFL, O_NONBLOCK);
    fcntl(slave, F_SETFL, O_NONBLOCK);
    show_poll("master", master);
    show_poll("slave", slave);
    show("nothing", master);
    show("nothing", slave);
    ASK(write(slave, "one\ntwo\t3\n", 10));
    ASK(ioctl(master, FIONREAD, &count));
    show_poll("master", master);
    show("translated", master);
    ASK(write(master, "typed", 5));
    show("echo", master);
    show("no line yet", slave);
    ASK(ioctl(slave, FIONREAD, &count));
    printf("count %d\n", count);
    ASK(write(master, "\177!\rmore\4", 8));
    pause_for(20);
    ASK(ioctl(slave, FIONREAD, &count));
    printf("count %d\n", count);
    show_poll("slave", slave);
    show("line", slave);
    show("line", slave);
    show("echo", master);
    ASK(write(master, "\25", 1));
    ASK(write(master, "\4", 1));
    show("end of file", slave);
    raw(slave);
    ASK(write(slave, "a\nb", 3));
    show("raw", master);
    ASK(write(master, "c\rd\3", 4));
    show("raw", slave);
    show("no echo", master);
    ASK(write(master, "", 0));
    ASK(read(slave, &count, 0));
    ASK(ioctl(master, TIOCOUTQ, &count));
    printf("count %d\n", count);
    ASK(tcdrain(slave));
    ASK(tcsendbreak(slave, 0));

    /* The queues are bounded, and a part is better than nothing. */
    static char many[200000];
    memset(many, 'x', sizeof many);
    ssize_t written = 0, more;
    while ((more = write(slave, many, sizeof many)) > 0) {
        written += more;
        pause_for(20);
    }
    printf("bounded %d %s\n", written >= 8192 && written < 30000, strerrorname_np(errno));
    static char back[200000];
    ssize_t total = 0, got;
    while (pause_for(10), (got = read(master, back, sizeof back)) > 0) total += got;
    printf("all of it %d\n", total == written);
    show_poll("empty", slave);
    written = 0;
    while ((got = write(master, many, 1000)) > 0) written += got;
    printf("bounded %d %s\n", written >= 4096 && written < 30000, strerrorname_np(errno));
    total = 0;
    while (pause_for(10), (got = read(slave, back, sizeof back)) > 0) total += got;
    printf("all of it %d\n", total == written);
    show_poll("empty", master);
    close(slave);
    close(master);
}

static void queues(void)
{
    puts("-- queues");
    int master = open_master(), slave = open_slave(), count;
    fcntl(master, F_SETFL, O_NONBLOCK);
    fcntl(slave, F_SETFL, O_NONBLOCK);
    ASK(write(master, "gone\n", 5));
    pause_for(20);
    ASK(tcflush(slave, TCIFLUSH));
    show("flushed", slave);
    show("echo stays", master);
    ASK(write(slave, "out", 3));
    pause_for(20);
    ASK(tcflush(slave, TCOFLUSH));
    show("stays", master);
    ASK(write(slave, "out", 3));
    pause_for(20);
    ASK(tcflush(master, TCIFLUSH));
    show("gone", master);
    ASK(tcflush(slave, 7));
    ASK(tcflow(slave, TCOOFF));
    ASK(write(slave, "stopped", 7));
    show_poll("stopped", slave);
    ASK(tcflow(slave, TCOON));
    ASK(write(slave, "on", 2));
    show("on", master);
    ASK(write(master, "\23", 1));
    pause_for(20);
    ASK(write(slave, "stopped", 7));
    ASK(write(master, "\21", 1));
    pause_for(20);
    ASK(write(slave, "on", 2));
    show("on", master);
    ASK(tcflow(slave, TCIOFF));
    show("stop", master);
    ASK(tcflow(slave, TCION));
    show("start", master);
    ASK(tcflow(slave, 9));
    close(slave);
    close(master);
}

static void hang_up(void)
{
    puts("-- the slave is closed");
    int master = open_master();
    fcntl(master, F_SETFL, O_NONBLOCK);
    show_poll("not opened yet", master);
    show("not opened yet", master);
    ASK(write(master, "early\n", 6));
    int slave = open_slave();
    fcntl(slave, F_SETFL, O_NONBLOCK);
    show("early", slave);
    show("echo", master);
    ASK(write(slave, "last", 4));
    close(slave);
    show_poll("closed", master);
    show("last", master);
    show("closed", master);
    show_poll("closed", master);
    ASK(write(master, "to nobody\n", 10));
    slave = open_slave();
    ASK_IF(slave);
    fcntl(slave, F_SETFL, O_NONBLOCK);
    show_poll("again", master);
    show("kept", slave);
    show("again", master);

    puts("-- the master is closed");
    close(master);
    ASK(access(slave_name, F_OK));
    ASK(open_slave());
    show_poll("slave", slave);
    show("slave", slave);
    ASK(write(slave, "x", 1));
    struct termios modes;
    ASK(tcgetattr(slave, &modes));
    int group = 1, count;
    ASK(ioctl(slave, TIOCSPGRP, &group));
    ASK(ioctl(slave, FIONREAD, &count));
    ASK(isatty(slave));
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", slave);
    ASK(open(path, O_RDWR | O_NOCTTY));
    close(slave);

    puts("-- a reader waits");
    master = open_master();
    slave = open_slave();
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        close(master);
        char byte;
        ASK(read(slave, &byte, 1));
        ASK(read(slave, &byte, 1));
        fflush(stdout);
        _exit(0);
    }
    pause_for(100);
    close(slave);
    close(master);
    waitpid(child, NULL, 0);
    master = open_master();
    slave = open_slave();
    child = fork();
    if (child == 0) {
        close(slave);
        char byte;
        ASK(read(master, &byte, 1));
        ASK(read(master, &byte, 1));
        fflush(stdout);
        _exit(0);
    }
    pause_for(100);
    close(slave);
    waitpid(child, NULL, 0);
    close(master);
}

static void packets(void)
{
    puts("-- packets");
    int master = open_master(), slave = open_slave(), one = 1, zero = 0, mode = -1;
    fcntl(master, F_SETFL, O_NONBLOCK);
    fcntl(slave, F_SETFL, O_NONBLOCK);
    ASK(ioctl(master, TIOCGPKT, &mode));
    ASK(ioctl(master, TIOCPKT, &one));
    ASK(ioctl(master, TIOCGPKT, &mode));
    printf("mode %d\n", mode);
    show("nothing", master);
    ASK(write(slave, "data", 4));
    show_poll("data", master);
    show("data", master);
    char byte[1];
    ASK(write(slave, "data", 4));
    pause_for(20);
    ASK(read(master, byte, 1));
    printf("%d\n", byte[0]);
    show("data", master);
    tcflow(slave, TCOOFF);
    show_poll("stop", master);
    show("stop", master);
    tcflow(slave, TCOON);
    show("start", master);
    tcflush(slave, TCIFLUSH);
    show("flush read", master);
    tcflush(slave, TCOFLUSH);
    show("flush write", master);
    struct termios modes;
    tcgetattr(slave, &modes);
    modes.c_iflag &= ~IXON;
    tcsetattr(slave, TCSANOW, &modes);
    show("no stop", master);
    modes.c_iflag |= IXON;
    tcsetattr(slave, TCSANOW, &modes);
    show("do stop", master);
    modes.c_lflag |= EXTPROC;
    tcsetattr(slave, TCSANOW, &modes);
    show("ioctl", master);
    modes.c_lflag &= ~ECHO;
    tcsetattr(slave, TCSANOW, &modes);
    show("ioctl", master);
    ASK(ioctl(master, TIOCPKT, &zero));
    tcflush(slave, TCIFLUSH);
    show("none", master);
    close(slave);
    close(master);
}

static int lead(void)
{
    int master = open_master(), group = -1, session = -1;
    ASK_IF(open("/dev/tty", O_RDWR));
    ASK_IF(setsid());
    ASK(open("/dev/tty", O_RDWR));
    int slave = open_slave();
    ASK(ioctl(slave, TIOCGPGRP, &group));
    ASK(ioctl(slave, TIOCGSID, &session));
    ASK(ioctl(master, TIOCGPGRP, &group));
    printf("group %d\n", group);
    ASK(ioctl(master, TIOCGSID, &session));
    ASK(ioctl(slave, TIOCNOTTY));
    ASK(ioctl(slave, TIOCSCTTY, 0));
    ASK(ioctl(slave, TIOCSCTTY, 0));
    ASK(ioctl(slave, TIOCGPGRP, &group));
    ASK(ioctl(slave, TIOCGSID, &session));
    printf("mine %d %d\n", group == getpid(), session == getpid());
    ASK(ioctl(master, TIOCGPGRP, &group));
    ASK(ioctl(master, TIOCGSID, &session));
    printf("mine %d %d\n", group == getpid(), session == getpid());
    int tty = open("/dev/tty", O_RDWR);
    ASK_IF(tty);
    struct stat of_tty;
    fstat(tty, &of_tty);
    printf("device %u:%u %s\n", major(of_tty.st_rdev), minor(of_tty.st_rdev), ttyname(tty));
    char text[512] = "";
    int stat_fd = open("/proc/self/stat", O_RDONLY);
    read(stat_fd, text, sizeof text - 1);
    int number, foreground, wanted;
    sscanf(strrchr(text, ')') + 2, "%*c %*d %*d %*d %d %d", &number, &foreground);
    sscanf(slave_name, "/dev/pts/%d", &wanted);
    printf("stat %d %d\n", number == (136 << 8 | wanted), foreground == getpid());
    handle(SIGWINCH, 0);
    handle(SIGINT, 0);
    handle(SIGQUIT, 0);
    handle(SIGTSTP, 0);
    handle(SIGTTOU, 0);
    handle(SIGTTIN, 0);
    handle(SIGHUP, 0);
    handle(SIGCONT, 0);
    ASK(ioctl(master, TIOCSWINSZ, &(struct winsize){ 10, 20 }));
    ASK(ioctl(slave, TIOCSWINSZ, &(struct winsize){ 10, 20 }));
    ASK(ioctl(slave, TIOCSWINSZ, &(struct winsize){ 11, 20 }));
    printf("SIGWINCH %d\n", seen[SIGWINCH]);
    ASK(write(master, "\3", 1));
    ASK(write(master, "\34", 1));
    pause_for(20);
    printf("SIGINT %d SIGQUIT %d\n", seen[SIGINT], seen[SIGQUIT]);
    ASK(ioctl(master, TIOCSIG, SIGTSTP));
    ASK(ioctl(master, TIOCSIG, SIGKILL));
    ASK(ioctl(master, TIOCSIG, 0));
    printf("SIGTSTP %d\n", seen[SIGTSTP]);

    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        setpgid(0, 0);
        ASK(tcsetpgrp(slave, getpid()));
        printf("SIGTTOU %d\n", seen[SIGTTOU] > 0);
        signal(SIGTTOU, SIG_IGN);
        ASK(tcsetpgrp(slave, getpid()));
        ASK(ioctl(slave, TIOCSCTTY, 0));
        ASK(ioctl(slave, TIOCGPGRP, &group));
        printf("mine %d\n", group == getpid());
        ASK(ioctl(slave, TIOCNOTTY));
        ASK(open("/dev/tty", O_RDWR));
        ASK(ioctl(slave, TIOCGPGRP, &group));
        fflush(stdout);
        _exit(5);
    }
    pause_for(100);
    int status;
    waitpid(child, &status, 0);
    printf("status %x\n", status);
    signal(SIGTTOU, SIG_IGN);
    ASK(tcsetpgrp(slave, getpid()));
    group = 1;
    ASK(ioctl(slave, TIOCSPGRP, &group));
    group = -1;
    ASK(ioctl(slave, TIOCSPGRP, &group));
    group = 32000;
    ASK(ioctl(slave, TIOCSPGRP, &group));
    ASK(ioctl(master, TIOCSPGRP, &group));

    /* Another session wants it. */
    fflush(stdout);
    child = fork();
    if (child == 0) {
        ASK_IF(setsid());
        ASK(ioctl(slave, TIOCSCTTY, 0));
        ASK(ioctl(slave, TIOCSCTTY, 1));
        ASK(ioctl(slave, TIOCGSID, &session));
        printf("mine %d\n", session == getpid());
        fflush(stdout);
        signal(SIGHUP, SIG_IGN);
        _exit(0);
    }
    waitpid(child, &status, 0);
    printf("status %x SIGHUP %d\n", status, seen[SIGHUP]);
    ASK(open("/dev/tty", O_RDWR));
    ASK(ioctl(slave, TIOCGSID, &session));
    ASK(ioctl(slave, TIOCSCTTY, 0));
    ASK_IF(open("/dev/tty", O_RDWR));
    ASK(ioctl(slave, TIOCNOTTY));
    printf("SIGHUP %d SIGCONT %d\n", seen[SIGHUP], seen[SIGCONT]);
    ASK(open("/dev/tty", O_RDWR));

    /* Opening one without O_NOCTTY takes it. */
    int again = open(slave_name, O_WRONLY);
    ASK(open("/dev/tty", O_RDWR));
    again = open(slave_name, O_RDWR);
    ASK_IF(open("/dev/tty", O_RDWR));
    seen[SIGHUP] = seen[SIGCONT] = 0;
    close(master);
    printf("SIGHUP %d SIGCONT %d\n", seen[SIGHUP], seen[SIGCONT]);
    ASK(open("/dev/tty", O_RDWR));
    char byte;
    ASK(read(again, &byte, 1));
    ASK(write(tty, "x", 1));
    return 0;
}

static int die_leading(void)
{
    int master = open_master();
    setsid();
    int slave = open(slave_name, O_RDWR);
    pid_t child = fork();
    if (child == 0) {
        handle(SIGHUP, 0);
        handle(SIGCONT, 0);
        while (!seen[SIGHUP]) pause_for(10);
        printf("the foreground: SIGHUP %d SIGCONT %d\n", seen[SIGHUP], seen[SIGCONT]);
        ASK(open("/dev/tty", O_RDWR));
        ASK(write(slave, "alive", 5));
        fflush(stdout);
        _exit(0);
    }
    pause_for(100);
    _exit(7);
}

static int in_background(void)
{
    int master = open_master();
    setsid();
    int slave = open(slave_name, O_RDWR), status;
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        setpgid(0, 0);
        char byte;
        read(slave, &byte, 1);
        _exit(3);
    }
    waitpid(child, &status, WUNTRACED);
    printf("read: stopped %d by %d\n", WIFSTOPPED(status), WSTOPSIG(status));
    kill(child, SIGKILL);
    waitpid(child, &status, 0);
    fflush(stdout);
    child = fork();
    if (child == 0) {
        setpgid(0, 0);
        write(slave, "x", 1);
        struct termios modes;
        tcgetattr(slave, &modes);
        tcsetattr(slave, TCSANOW, &modes);
        _exit(3);
    }
    waitpid(child, &status, WUNTRACED);
    printf("change: stopped %d by %d\n", WIFSTOPPED(status), WSTOPSIG(status));
    kill(child, SIGKILL);
    waitpid(child, &status, 0);
    handle(SIGTTIN, 0);
    fflush(stdout);
    child = fork();
    if (child == 0) {
        signal(SIGTTIN, SIG_IGN);
        setpgid(0, 0);
        char byte;
        ASK(read(slave, &byte, 1));
        fflush(stdout);
        _exit(3);
    }
    waitpid(child, &status, WUNTRACED);
    signal(SIGHUP, SIG_IGN);
    return 0;
}

static void exclusive(void)
{
    puts("-- exclusive");
    int master = open_master(), slave = open_slave(), mode = -1;
    ASK(ioctl(slave, TIOCGEXCL, &mode));
    printf("mode %d\n", mode);
    ASK(ioctl(slave, TIOCEXCL));
    ASK(ioctl(slave, TIOCGEXCL, &mode));
    printf("mode %d\n", mode);
    ASK_IF(open_slave());
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        chmod(slave_name, 0666);
        setuid(1000);
        ASK(open_slave());
        fflush(stdout);
        _exit(0);
    }
    waitpid(child, NULL, 0);
    ASK(ioctl(slave, TIOCNXCL));
    ASK_IF(open_slave());
    close(slave);
    close(master);
}

int main(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    opening();
    data();
    queues();
    hang_up();
    packets();
    puts("-- sessions");
    in_child(lead);
    puts("-- the leader ends");
    in_child(die_leading);
    pause_for(100);
    puts("-- in the background");
    in_child(in_background);
    exclusive();
    return 0;
}
