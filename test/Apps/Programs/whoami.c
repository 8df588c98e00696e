// Tells who and where a program is, and what it was given, byte for byte.
#include <dirent.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

static void show(const char *name, const char *text)
{
    printf("%s=", name);
    for (; text != NULL && *text != 0; text++)
        printf(*text > 32 && *text < 127 ? "%c" : "<%02x>", (unsigned char)*text);
    printf("\n");
}

int main(int argc, char **argv)
{
    char folder[4096];
    gid_t groups[32];
    struct utsname name;
    struct stat status;
    printf("uid=%d,%d gid=%d,%d groups=", getuid(), geteuid(), getgid(), getegid());
    int count = getgroups(32, groups);
    for (int i = 0; i < count; i++)
        printf("%d,", groups[i]);
    printf("\n");
    uname(&name);
    show("host", name.nodename);
    show("folder", getcwd(folder, sizeof folder));
    show("home", getenv("HOME"));
    show("variable", getenv("VARIABLE"));
    for (int i = 1; i < argc; i++) {
        show("argument", argv[i]);
        if (stat(argv[i], &status) == 0)
            printf("owner %d:%d mode %o size %ld links %ld\n", status.st_uid, status.st_gid, status.st_mode, (long)status.st_size,
                (long)status.st_nlink);
    }
    int secret = access("/secret", R_OK);
    printf("secret %d\n", secret);
    return 0;
}
