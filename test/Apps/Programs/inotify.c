/* inotify: who hears of what, in which order, and what is told of it. */
#include "answers.h"
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>
#include <sys/syscall.h>
static int fd; static unsigned lastcookie;
static const struct { unsigned bit; const char *name;
    } names[] = {
    {1,"ACCESS"}, {2,"MODIFY"}, {4,"ATTRIB"}, {8,"CLOSE_WRITE"}, {16,"CLOSE_NOWRITE"}, {32,"OPEN"}, {64,"MOVED_FROM"}, {128,"MOVED_TO"},
    {256,"CREATE"}, {512,"DELETE"}, {1024,"DELETE_SELF"}, {2048,"MOVE_SELF"}, {0x2000,"UNMOUNT"}, {0x4000,"Q_OVERFLOW"}, {0x8000,"IGNORED"},
    {0x40000000,"ISDIR"}};
static void drain(const char *what){ printf("-- %s\n",what); char b[8192]; int total=0; ioctl(fd,FIONREAD,&total);
    long n=total?read(fd,b,sizeof b):0; printf("%d %ld\n",total,n); unsigned base=0;
 for(char*p=b;p<b+n;){struct inotify_event*e=(void*)p; printf("wd %d",e->wd);
    for(unsigned i=0;i<sizeof names/sizeof*names;i++) if(e->mask&names[i].bit) printf(" %s",names[i].name);
    if(e->cookie){ if(!base)base=e->cookie; printf(" cookie %u",e->cookie-base);} if(e->len)printf(" %u '%s'",e->len,e->name); puts("");
    p+=sizeof *e+e->len;}}
static void touch(const char*p,const char*t){int f=open(p,O_CREAT|O_WRONLY,0644); if(t) write(f,t,strlen(t)); close(f);}
int main(){ char d[]="/tmp/inoXXXXXX"; mkdtemp(d); chdir(d); char b[600];
 ASK(fd=inotify_init1(IN_NONBLOCK)); ASK(fcntl(fd,F_GETFL)); ASK(read(fd,b,100)); ASK(inotify_init1(1)); ASK(lseek(fd,0,SEEK_CUR));
    ASK(write(fd,b,1)); ASK(pread(fd,b,1,0));
 mkdir("d",0755); touch("d/f","x");
 ASK(inotify_add_watch(fd,"d",IN_ALL_EVENTS)); ASK(inotify_add_watch(fd,"d/f",IN_ALL_EVENTS));
    ASK(inotify_add_watch(fd,".",IN_ALL_EVENTS));
 drain("none");
 touch("d/f","yy"); drain("write");
 int f=open("d/f",O_RDWR); drain("open"); read(f,b,1); drain("read"); read(f,b,0); pwrite(f,"a",1,0); pread(f,b,10,0); drain("pwrite");
    write(f,"",0); drain("write 0"); ftruncate(f,1); drain("ftruncate"); fchmod(f,0600); drain("fchmod"); posix_fallocate(f,0,10);
    drain("fallocate"); fsync(f);
 struct timespec ts[2]={{1,0},{2,0}}; futimens(f,ts); drain("utimens both"); ts[0].tv_nsec=UTIME_OMIT; futimens(f,ts); drain("mtime");
    ts[1].tv_nsec=UTIME_OMIT; ts[0].tv_nsec=5; futimens(f,ts); drain("atime"); chown("d/f",-1,-1); drain("chown none"); chown("d/f",0,0);
    drain("chown"); fsetxattr(f,"user.a","b",1,0); drain("setxattr"); fremovexattr(f,"user.a"); drain("removexattr"); dup(f); close(f);
    drain("dup close"); close(f+1); drain("closed");
 f=open("d/f",O_WRONLY|O_TRUNC); drain("trunc open"); close(f); drain("close"); truncate("d/f",5); drain("truncate");
    stat("d/f",(void*)b); access("d/f",4); drain("stat");
 mkdir("d/sub",0755); drain("mkdir"); symlink("x","d/sym"); drain("symlink"); mknod("d/fifo",S_IFIFO|0644,0); drain("mknod");
    link("d/f","d/g"); drain("link"); 
 rename("d/g","d/h"); drain("rename"); rename("d/h","top"); drain("rename out"); rename("top","d/f"); drain("rename same");
    unlink("top"); drain("unlink second");
 touch("d/v",0); touch("d/w",0); drain("made"); ASK(inotify_add_watch(fd,"d/w",IN_ALL_EVENTS)); rename("d/v","d/w"); drain("rename over");
 touch("d/x",0); drain("x"); syscall(SYS_renameat2,AT_FDCWD,"d/x",AT_FDCWD,"d/w",2); drain("exchange");
 rename("d/sub","d/sub2"); drain("rename dir"); ASK(inotify_add_watch(fd,"d/sub2",IN_ALL_EVENTS)); rename("d/sub2","d/sub");
    drain("rename watched dir"); f=open("d/sub",O_RDONLY); drain("opendir"); syscall(SYS_getdents64,f,b,600); drain("getdents");
    close(f); drain("closedir"); rmdir("d/sub"); drain("rmdir");
 f=open("d/f",O_RDWR); drain("o"); unlink("d/f"); drain("unlink open"); write(f,"x",1); drain("write unlinked"); close(f);
    drain("close unlinked");
 ASK(inotify_rm_watch(fd,1)); drain("rm"); ASK(inotify_rm_watch(fd,1));
    ASK(inotify_rm_watch(fd,77));ASK(inotify_rm_watch(0,1));ASK(inotify_rm_watch(99,1));
 ASK(inotify_add_watch(fd,"nothing",1)); ASK(inotify_add_watch(fd,".",0)); ASK(inotify_add_watch(fd,".",0x10000000));
    ASK(inotify_add_watch(fd,".",0x00400000)); ASK(inotify_add_watch(fd,"d/w",IN_ONLYDIR|1)); ASK(inotify_add_watch(0,".",1));
    ASK(inotify_add_watch(99,".",1)); ASK(inotify_add_watch(fd,".",1|IN_MASK_ADD|IN_MASK_CREATE));
    ASK(inotify_add_watch(fd,".",1|IN_MASK_CREATE)); ASK(inotify_add_watch(fd,"d/sym",IN_MASK_CREATE|1));
    ASK(inotify_add_watch(fd,"d/sym",IN_DONT_FOLLOW|IN_ALL_EVENTS)); unlink("d/sym"); drain("symlink removed");
    ASK(inotify_add_watch(fd,(void*)1,1)); ASK(inotify_add_watch(fd,"",1)); ASK(inotify_add_watch(fd,".",IN_ISDIR));
    ASK(inotify_add_watch(fd,".",IN_ONLYDIR)); touch("q",0); drain("only isdir");
 ASK(inotify_add_watch(fd,"d/w",IN_OPEN)); ASK(inotify_add_watch(fd,"d/w",IN_MASK_ADD|IN_CLOSE)); touch("d/w",0); drain("mask add");
    ASK(inotify_add_watch(fd,"d/w",IN_CLOSE)); touch("d/w","k"); drain("mask set");
 ASK(inotify_add_watch(fd,"d",IN_OPEN|IN_ONESHOT)); touch("d/w",0); touch("d/w",0); drain("oneshot");
 ASK(inotify_add_watch(fd,"d",IN_OPEN|IN_ACCESS|IN_EXCL_UNLINK)); f=open("d/w",O_RDWR); read(f,b,1); unlink("d/w"); drain("excl 1");
    lseek(f,0,0); read(f,b,1); drain("excl 2"); close(f); drain("excl 3");
 ASK(inotify_add_watch(fd,"d",IN_ALL_EVENTS)); char longn[300]; memset(longn,'n',255); longn[255]=0; sprintf(b,"d/%s",longn); touch(b,0);
    ASK(read(fd,b,16)); ASK(read(fd,b,271)); ASK(read(fd,b,272)); ASK(read(fd,b,289)); ASK(read(fd,(void*)1,1000)); drain("after fault");
 for(int i=0;i<5;i++){ f=open("d/k",O_CREAT|O_RDWR,0600); write(f,"a",1); write(f,"b",1); write(f,"c",1); close(f);} drain("coalesce");
 struct pollfd p={fd,-1}; ASK(poll(&p,1,0)); touch("d/k",0); ASK(poll(&p,1,0)); printf("%x\n",p.revents);
 return 0; }
