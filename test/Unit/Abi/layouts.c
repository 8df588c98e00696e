/* Prints the size of each structure of the x86-64 Linux ABI and the place of its main fields, from the kernel's own headers. */
#include <asm/poll.h>
#include <asm/sigcontext.h>
#include <asm/siginfo.h>
#include <asm/signal.h>
#include <asm/stat.h>
#include <asm/statfs.h>
#include <asm/termbits.h>
#include <asm/termios.h>
#include <asm/ucontext.h>
#include <linux/eventpoll.h>
#include <linux/fcntl.h>
#include <linux/futex.h>
#include <linux/inotify.h>
#include <linux/mqueue.h>
#include <linux/msg.h>
#include <linux/sem.h>
#include <linux/shm.h>
#include <linux/openat2.h>
#include <linux/resource.h>
#include <linux/sched.h>
#include <linux/signalfd.h>
#include <linux/stat.h>
#include <linux/sysinfo.h>
#include <linux/time.h>
#include <linux/times.h>
#include <linux/uio.h>
#include <linux/utime.h>
#include <linux/utsname.h>
#include <stddef.h>

int printf(const char *format, ...);

/* The headers for programs leave these out; arch/x86/include/asm/sigframe.h and include/linux/dirent.h have them. */
struct rt_sigframe { char *pretcode; struct ucontext uc; struct siginfo info; };
struct linux_dirent64 { unsigned long d_ino; long d_off; unsigned short d_reclen; unsigned char d_type; char d_name[]; };

/* include/linux/socket.h and include/linux/net.h, which programs have from their C library. */
struct ucred { unsigned int pid, uid, gid; };
struct linger { int l_onoff, l_linger; };
struct cmsghdr { unsigned long cmsg_len; int cmsg_level, cmsg_type; };
struct user_msghdr {
    void *msg_name; int msg_namelen; void *msg_iov; unsigned long msg_iovlen; void *msg_control; unsigned long msg_controllen;
    unsigned int msg_flags;
};
struct mmsghdr { struct user_msghdr msg_hdr; unsigned int msg_len; };

#define SIZE(name, type) printf("%s %zu\n", #name, sizeof(type))
#define FIELD(name, type, field) printf("%s.%s %zu %zu\n", #name, #field, offsetof(type, field), sizeof(((type *)0)->field))
#define FIELD_AS(name, type, field, as) printf("%s.%s %zu %zu\n", #name, #as, offsetof(type, field), sizeof(((type *)0)->field))

int main(void)
{
    SIZE(Stat, struct stat);
    FIELD(Stat, struct stat, st_dev);
    FIELD(Stat, struct stat, st_ino);
    FIELD(Stat, struct stat, st_nlink);
    FIELD(Stat, struct stat, st_mode);
    FIELD(Stat, struct stat, st_uid);
    FIELD(Stat, struct stat, st_gid);
    FIELD(Stat, struct stat, st_rdev);
    FIELD(Stat, struct stat, st_size);
    FIELD(Stat, struct stat, st_blksize);
    FIELD(Stat, struct stat, st_blocks);
    printf("Stat.st_atim %zu 16\n", offsetof(struct stat, st_atime));
    printf("Stat.st_mtim %zu 16\n", offsetof(struct stat, st_mtime));
    printf("Stat.st_ctim %zu 16\n", offsetof(struct stat, st_ctime));

    SIZE(Statx, struct statx);
    FIELD(Statx, struct statx, stx_mask);
    FIELD(Statx, struct statx, stx_blksize);
    FIELD(Statx, struct statx, stx_attributes);
    FIELD(Statx, struct statx, stx_nlink);
    FIELD(Statx, struct statx, stx_uid);
    FIELD(Statx, struct statx, stx_gid);
    FIELD(Statx, struct statx, stx_mode);
    FIELD(Statx, struct statx, stx_ino);
    FIELD(Statx, struct statx, stx_size);
    FIELD(Statx, struct statx, stx_blocks);
    FIELD(Statx, struct statx, stx_attributes_mask);
    FIELD(Statx, struct statx, stx_atime);
    FIELD(Statx, struct statx, stx_btime);
    FIELD(Statx, struct statx, stx_ctime);
    FIELD(Statx, struct statx, stx_mtime);
    FIELD(Statx, struct statx, stx_rdev_major);
    FIELD(Statx, struct statx, stx_rdev_minor);
    FIELD(Statx, struct statx, stx_dev_major);
    FIELD(Statx, struct statx, stx_dev_minor);
    FIELD(Statx, struct statx, stx_mnt_id);
    FIELD(Statx, struct statx, stx_dio_mem_align);
    FIELD(Statx, struct statx, stx_dio_offset_align);
    SIZE(StatxTimestamp, struct statx_timestamp);
    FIELD(StatxTimestamp, struct statx_timestamp, tv_sec);
    FIELD(StatxTimestamp, struct statx_timestamp, tv_nsec);

    SIZE(StatFs, struct statfs);
    FIELD(StatFs, struct statfs, f_type);
    FIELD(StatFs, struct statfs, f_bsize);
    FIELD(StatFs, struct statfs, f_blocks);
    FIELD(StatFs, struct statfs, f_bfree);
    FIELD(StatFs, struct statfs, f_bavail);
    FIELD(StatFs, struct statfs, f_files);
    FIELD(StatFs, struct statfs, f_ffree);
    FIELD(StatFs, struct statfs, f_fsid);
    FIELD(StatFs, struct statfs, f_namelen);
    FIELD(StatFs, struct statfs, f_frsize);
    FIELD(StatFs, struct statfs, f_flags);

    printf("Dirent64 %zu\n", offsetof(struct linux_dirent64, d_name));
    FIELD(Dirent64, struct linux_dirent64, d_ino);
    FIELD(Dirent64, struct linux_dirent64, d_off);
    FIELD(Dirent64, struct linux_dirent64, d_reclen);
    FIELD(Dirent64, struct linux_dirent64, d_type);

    SIZE(Iovec, struct iovec);
    FIELD(Iovec, struct iovec, iov_base);
    FIELD(Iovec, struct iovec, iov_len);

    SIZE(FileOwner, struct f_owner_ex);
    FIELD(FileOwner, struct f_owner_ex, type);
    FIELD(FileOwner, struct f_owner_ex, pid);
    SIZE(Flock, struct flock);
    FIELD(Flock, struct flock, l_type);
    FIELD(Flock, struct flock, l_whence);
    FIELD(Flock, struct flock, l_start);
    FIELD(Flock, struct flock, l_len);
    FIELD(Flock, struct flock, l_pid);

    SIZE(OpenHow, struct open_how);
    FIELD(OpenHow, struct open_how, flags);
    FIELD(OpenHow, struct open_how, mode);
    FIELD(OpenHow, struct open_how, resolve);

    SIZE(PollFd, struct pollfd);
    FIELD(PollFd, struct pollfd, fd);
    FIELD(PollFd, struct pollfd, events);
    FIELD(PollFd, struct pollfd, revents);

    SIZE(EpollEvent, struct epoll_event);
    FIELD(EpollEvent, struct epoll_event, events);
    FIELD(EpollEvent, struct epoll_event, data);

    SIZE(Timespec, struct timespec);
    FIELD(Timespec, struct timespec, tv_sec);
    FIELD(Timespec, struct timespec, tv_nsec);
    SIZE(Timeval, struct timeval);
    FIELD(Timeval, struct timeval, tv_sec);
    FIELD(Timeval, struct timeval, tv_usec);
    SIZE(Timezone, struct timezone);
    FIELD(Timezone, struct timezone, tz_minuteswest);
    FIELD(Timezone, struct timezone, tz_dsttime);
    SIZE(Itimerspec, struct itimerspec);
    FIELD(Itimerspec, struct itimerspec, it_interval);
    FIELD(Itimerspec, struct itimerspec, it_value);
    SIZE(SigEvent, struct sigevent);
    FIELD(SigEvent, struct sigevent, sigev_value);
    FIELD(SigEvent, struct sigevent, sigev_signo);
    FIELD(SigEvent, struct sigevent, sigev_notify);
    FIELD_AS(SigEvent, struct sigevent, _sigev_un._tid, sigev_notify_thread_id);
    SIZE(Itimerval, struct itimerval);
    FIELD(Itimerval, struct itimerval, it_interval);
    FIELD(Itimerval, struct itimerval, it_value);
    SIZE(Tms, struct tms);
    FIELD(Tms, struct tms, tms_utime);
    FIELD(Tms, struct tms, tms_stime);
    FIELD(Tms, struct tms, tms_cutime);
    FIELD(Tms, struct tms, tms_cstime);
    SIZE(Utimbuf, struct utimbuf);
    FIELD(Utimbuf, struct utimbuf, actime);
    FIELD(Utimbuf, struct utimbuf, modtime);

    SIZE(UtsName, struct new_utsname);
    FIELD(UtsName, struct new_utsname, sysname);
    FIELD(UtsName, struct new_utsname, nodename);
    FIELD(UtsName, struct new_utsname, release);
    FIELD(UtsName, struct new_utsname, version);
    FIELD(UtsName, struct new_utsname, machine);
    FIELD(UtsName, struct new_utsname, domainname);

    SIZE(Rlimit, struct rlimit64);
    FIELD(Rlimit, struct rlimit64, rlim_cur);
    FIELD(Rlimit, struct rlimit64, rlim_max);

    SIZE(Rusage, struct rusage);
    FIELD(Rusage, struct rusage, ru_utime);
    FIELD(Rusage, struct rusage, ru_stime);
    FIELD(Rusage, struct rusage, ru_maxrss);
    FIELD(Rusage, struct rusage, ru_minflt);
    FIELD(Rusage, struct rusage, ru_majflt);
    FIELD(Rusage, struct rusage, ru_inblock);
    FIELD(Rusage, struct rusage, ru_oublock);
    FIELD(Rusage, struct rusage, ru_nvcsw);
    FIELD(Rusage, struct rusage, ru_nivcsw);

    SIZE(SysInfo, struct sysinfo);
    FIELD(SysInfo, struct sysinfo, uptime);
    FIELD(SysInfo, struct sysinfo, loads);
    FIELD(SysInfo, struct sysinfo, totalram);
    FIELD(SysInfo, struct sysinfo, freeram);
    FIELD(SysInfo, struct sysinfo, sharedram);
    FIELD(SysInfo, struct sysinfo, bufferram);
    FIELD(SysInfo, struct sysinfo, totalswap);
    FIELD(SysInfo, struct sysinfo, freeswap);
    FIELD(SysInfo, struct sysinfo, procs);
    FIELD(SysInfo, struct sysinfo, totalhigh);
    FIELD(SysInfo, struct sysinfo, freehigh);
    FIELD(SysInfo, struct sysinfo, mem_unit);

    SIZE(RobustListHead, struct robust_list_head);
    FIELD(RobustListHead, struct robust_list_head, list);
    FIELD(RobustListHead, struct robust_list_head, futex_offset);
    FIELD(RobustListHead, struct robust_list_head, list_op_pending);

    SIZE(CloneArgs, struct clone_args);
    FIELD(CloneArgs, struct clone_args, flags);
    FIELD(CloneArgs, struct clone_args, pidfd);
    FIELD(CloneArgs, struct clone_args, child_tid);
    FIELD(CloneArgs, struct clone_args, parent_tid);
    FIELD(CloneArgs, struct clone_args, exit_signal);
    FIELD(CloneArgs, struct clone_args, stack);
    FIELD(CloneArgs, struct clone_args, stack_size);
    FIELD(CloneArgs, struct clone_args, tls);
    FIELD(CloneArgs, struct clone_args, set_tid);
    FIELD(CloneArgs, struct clone_args, set_tid_size);
    FIELD(CloneArgs, struct clone_args, cgroup);

    SIZE(Sigaction, struct sigaction);
    FIELD(Sigaction, struct sigaction, sa_handler);
    FIELD(Sigaction, struct sigaction, sa_flags);
    FIELD(Sigaction, struct sigaction, sa_restorer);
    FIELD(Sigaction, struct sigaction, sa_mask);

    SIZE(StackT, stack_t);
    FIELD(StackT, stack_t, ss_sp);
    FIELD(StackT, stack_t, ss_flags);
    FIELD(StackT, stack_t, ss_size);

    SIZE(SignalfdSiginfo, struct signalfd_siginfo);
    FIELD(SignalfdSiginfo, struct signalfd_siginfo, ssi_signo);
    FIELD(SignalfdSiginfo, struct signalfd_siginfo, ssi_errno);
    FIELD(SignalfdSiginfo, struct signalfd_siginfo, ssi_code);
    FIELD(SignalfdSiginfo, struct signalfd_siginfo, ssi_pid);
    FIELD(SignalfdSiginfo, struct signalfd_siginfo, ssi_uid);
    FIELD(SignalfdSiginfo, struct signalfd_siginfo, ssi_fd);
    FIELD(SignalfdSiginfo, struct signalfd_siginfo, ssi_tid);
    FIELD(SignalfdSiginfo, struct signalfd_siginfo, ssi_band);
    FIELD(SignalfdSiginfo, struct signalfd_siginfo, ssi_overrun);
    FIELD(SignalfdSiginfo, struct signalfd_siginfo, ssi_trapno);
    FIELD(SignalfdSiginfo, struct signalfd_siginfo, ssi_status);
    FIELD(SignalfdSiginfo, struct signalfd_siginfo, ssi_int);
    FIELD(SignalfdSiginfo, struct signalfd_siginfo, ssi_ptr);
    FIELD(SignalfdSiginfo, struct signalfd_siginfo, ssi_utime);
    FIELD(SignalfdSiginfo, struct signalfd_siginfo, ssi_stime);
    FIELD(SignalfdSiginfo, struct signalfd_siginfo, ssi_addr);
    FIELD(SignalfdSiginfo, struct signalfd_siginfo, ssi_addr_lsb);
    FIELD(SignalfdSiginfo, struct signalfd_siginfo, ssi_syscall);
    FIELD(SignalfdSiginfo, struct signalfd_siginfo, ssi_call_addr);
    FIELD(SignalfdSiginfo, struct signalfd_siginfo, ssi_arch);
    SIZE(IpcPerm, struct ipc64_perm);
    FIELD(IpcPerm, struct ipc64_perm, key);
    FIELD(IpcPerm, struct ipc64_perm, uid);
    FIELD(IpcPerm, struct ipc64_perm, gid);
    FIELD(IpcPerm, struct ipc64_perm, cuid);
    FIELD(IpcPerm, struct ipc64_perm, cgid);
    FIELD(IpcPerm, struct ipc64_perm, mode);
    FIELD(IpcPerm, struct ipc64_perm, seq);
    SIZE(ShmidDs, struct shmid64_ds);
    FIELD(ShmidDs, struct shmid64_ds, shm_perm);
    FIELD(ShmidDs, struct shmid64_ds, shm_segsz);
    FIELD(ShmidDs, struct shmid64_ds, shm_atime);
    FIELD(ShmidDs, struct shmid64_ds, shm_dtime);
    FIELD(ShmidDs, struct shmid64_ds, shm_ctime);
    FIELD(ShmidDs, struct shmid64_ds, shm_cpid);
    FIELD(ShmidDs, struct shmid64_ds, shm_lpid);
    FIELD(ShmidDs, struct shmid64_ds, shm_nattch);
    SIZE(Shminfo, struct shminfo64);
    FIELD(Shminfo, struct shminfo64, shmmax);
    FIELD(Shminfo, struct shminfo64, shmmin);
    FIELD(Shminfo, struct shminfo64, shmmni);
    FIELD(Shminfo, struct shminfo64, shmseg);
    FIELD(Shminfo, struct shminfo64, shmall);
    SIZE(ShmInfo, struct shm_info);
    FIELD(ShmInfo, struct shm_info, used_ids);
    FIELD(ShmInfo, struct shm_info, shm_tot);
    FIELD(ShmInfo, struct shm_info, shm_rss);
    FIELD(ShmInfo, struct shm_info, shm_swp);
    FIELD(ShmInfo, struct shm_info, swap_attempts);
    FIELD(ShmInfo, struct shm_info, swap_successes);
    SIZE(SemidDs, struct semid64_ds);
    FIELD(SemidDs, struct semid64_ds, sem_perm);
    FIELD(SemidDs, struct semid64_ds, sem_otime);
    FIELD(SemidDs, struct semid64_ds, sem_ctime);
    FIELD(SemidDs, struct semid64_ds, sem_nsems);
    SIZE(Sembuf, struct sembuf);
    FIELD(Sembuf, struct sembuf, sem_num);
    FIELD(Sembuf, struct sembuf, sem_op);
    FIELD(Sembuf, struct sembuf, sem_flg);
    SIZE(Seminfo, struct seminfo);
    FIELD(Seminfo, struct seminfo, semmap);
    FIELD(Seminfo, struct seminfo, semmni);
    FIELD(Seminfo, struct seminfo, semmns);
    FIELD(Seminfo, struct seminfo, semmnu);
    FIELD(Seminfo, struct seminfo, semmsl);
    FIELD(Seminfo, struct seminfo, semopm);
    FIELD(Seminfo, struct seminfo, semume);
    FIELD(Seminfo, struct seminfo, semusz);
    FIELD(Seminfo, struct seminfo, semvmx);
    FIELD(Seminfo, struct seminfo, semaem);
    SIZE(MsqidDs, struct msqid64_ds);
    FIELD(MsqidDs, struct msqid64_ds, msg_perm);
    FIELD(MsqidDs, struct msqid64_ds, msg_stime);
    FIELD(MsqidDs, struct msqid64_ds, msg_rtime);
    FIELD(MsqidDs, struct msqid64_ds, msg_ctime);
    FIELD(MsqidDs, struct msqid64_ds, msg_cbytes);
    FIELD(MsqidDs, struct msqid64_ds, msg_qnum);
    FIELD(MsqidDs, struct msqid64_ds, msg_qbytes);
    FIELD(MsqidDs, struct msqid64_ds, msg_lspid);
    FIELD(MsqidDs, struct msqid64_ds, msg_lrpid);
    SIZE(Msginfo, struct msginfo);
    FIELD(Msginfo, struct msginfo, msgpool);
    FIELD(Msginfo, struct msginfo, msgmap);
    FIELD(Msginfo, struct msginfo, msgmax);
    FIELD(Msginfo, struct msginfo, msgmnb);
    FIELD(Msginfo, struct msginfo, msgmni);
    FIELD(Msginfo, struct msginfo, msgssz);
    FIELD(Msginfo, struct msginfo, msgtql);
    FIELD(Msginfo, struct msginfo, msgseg);
    SIZE(MqAttr, struct mq_attr);
    printf("MqAttr.mq_flags %zu 4\n", offsetof(struct mq_attr, mq_flags));
    FIELD(MqAttr, struct mq_attr, mq_maxmsg);
    FIELD(MqAttr, struct mq_attr, mq_msgsize);
    FIELD(MqAttr, struct mq_attr, mq_curmsgs);
    SIZE(FutexWaitv, struct futex_waitv);
    FIELD(FutexWaitv, struct futex_waitv, val);
    FIELD(FutexWaitv, struct futex_waitv, uaddr);
    FIELD(FutexWaitv, struct futex_waitv, flags);
    FIELD(FutexWaitv, struct futex_waitv, __reserved);
    SIZE(InotifyEvent, struct inotify_event);
    FIELD(InotifyEvent, struct inotify_event, wd);
    FIELD(InotifyEvent, struct inotify_event, mask);
    FIELD(InotifyEvent, struct inotify_event, cookie);
    FIELD(InotifyEvent, struct inotify_event, len);
    SIZE(SigInfo, siginfo_t);
    FIELD(SigInfo, siginfo_t, si_signo);
    FIELD(SigInfo, siginfo_t, si_errno);
    FIELD(SigInfo, siginfo_t, si_code);
    FIELD(SigInfo, siginfo_t, si_pid);
    FIELD(SigInfo, siginfo_t, si_uid);
    FIELD(SigInfo, siginfo_t, si_status);
    FIELD(SigInfo, siginfo_t, si_utime);
    FIELD(SigInfo, siginfo_t, si_stime);
    FIELD(SigInfo, siginfo_t, si_value);
    FIELD_AS(SigInfo, siginfo_t, si_tid, si_timerid);
    FIELD(SigInfo, siginfo_t, si_overrun);
    FIELD(SigInfo, siginfo_t, si_addr);
    FIELD(SigInfo, siginfo_t, si_addr_lsb);
    FIELD(SigInfo, siginfo_t, si_band);
    FIELD(SigInfo, siginfo_t, si_fd);
    FIELD(SigInfo, siginfo_t, si_call_addr);
    FIELD(SigInfo, siginfo_t, si_syscall);
    FIELD(SigInfo, siginfo_t, si_arch);

    SIZE(SigContext, struct sigcontext_64);
    FIELD(SigContext, struct sigcontext_64, r8);
    FIELD(SigContext, struct sigcontext_64, r15);
    FIELD(SigContext, struct sigcontext_64, di);
    FIELD(SigContext, struct sigcontext_64, si);
    FIELD(SigContext, struct sigcontext_64, bp);
    FIELD(SigContext, struct sigcontext_64, bx);
    FIELD(SigContext, struct sigcontext_64, dx);
    FIELD(SigContext, struct sigcontext_64, ax);
    FIELD(SigContext, struct sigcontext_64, cx);
    FIELD(SigContext, struct sigcontext_64, sp);
    FIELD(SigContext, struct sigcontext_64, ip);
    FIELD(SigContext, struct sigcontext_64, flags);
    FIELD(SigContext, struct sigcontext_64, cs);
    FIELD(SigContext, struct sigcontext_64, ss);
    FIELD(SigContext, struct sigcontext_64, err);
    FIELD(SigContext, struct sigcontext_64, trapno);
    FIELD(SigContext, struct sigcontext_64, oldmask);
    FIELD(SigContext, struct sigcontext_64, cr2);
    FIELD(SigContext, struct sigcontext_64, fpstate);

    SIZE(UContext, struct ucontext);
    FIELD(UContext, struct ucontext, uc_flags);
    FIELD(UContext, struct ucontext, uc_link);
    FIELD(UContext, struct ucontext, uc_stack);
    FIELD(UContext, struct ucontext, uc_mcontext);
    FIELD(UContext, struct ucontext, uc_sigmask);

    SIZE(RtSigFrame, struct rt_sigframe);
    FIELD(RtSigFrame, struct rt_sigframe, pretcode);
    FIELD(RtSigFrame, struct rt_sigframe, uc);
    FIELD(RtSigFrame, struct rt_sigframe, info);

    SIZE(FpxSwBytes, struct _fpx_sw_bytes);
    FIELD(FpxSwBytes, struct _fpx_sw_bytes, magic1);
    FIELD(FpxSwBytes, struct _fpx_sw_bytes, extended_size);
    FIELD_AS(FpxSwBytes, struct _fpx_sw_bytes, xfeatures, xfeatures);
    FIELD_AS(FpxSwBytes, struct _fpx_sw_bytes, xstate_size, xstate_size);
    printf("FpxSwBytes.Offset %zu\n", offsetof(struct _fpstate_64, sw_reserved));

    SIZE(Termios, struct termios);
    FIELD(Termios, struct termios, c_iflag);
    FIELD(Termios, struct termios, c_oflag);
    FIELD(Termios, struct termios, c_cflag);
    FIELD(Termios, struct termios, c_lflag);
    FIELD(Termios, struct termios, c_line);
    FIELD(Termios, struct termios, c_cc);
    SIZE(Termios2, struct termios2);
    FIELD(Termios2, struct termios2, c_ispeed);
    FIELD(Termios2, struct termios2, c_ospeed);
    SIZE(WinSize, struct winsize);
    FIELD(WinSize, struct winsize, ws_row);
    FIELD(WinSize, struct winsize, ws_col);
    FIELD(WinSize, struct winsize, ws_xpixel);
    FIELD(WinSize, struct winsize, ws_ypixel);

    SIZE(Msghdr, struct user_msghdr);
    FIELD(Msghdr, struct user_msghdr, msg_name);
    FIELD(Msghdr, struct user_msghdr, msg_namelen);
    FIELD(Msghdr, struct user_msghdr, msg_iov);
    FIELD(Msghdr, struct user_msghdr, msg_iovlen);
    FIELD(Msghdr, struct user_msghdr, msg_control);
    FIELD(Msghdr, struct user_msghdr, msg_controllen);
    FIELD(Msghdr, struct user_msghdr, msg_flags);
    SIZE(Mmsghdr, struct mmsghdr);
    FIELD(Mmsghdr, struct mmsghdr, msg_hdr);
    FIELD(Mmsghdr, struct mmsghdr, msg_len);
    SIZE(Cmsghdr, struct cmsghdr);
    FIELD(Cmsghdr, struct cmsghdr, cmsg_len);
    FIELD(Cmsghdr, struct cmsghdr, cmsg_level);
    FIELD(Cmsghdr, struct cmsghdr, cmsg_type);
    SIZE(Ucred, struct ucred);
    FIELD(Ucred, struct ucred, pid);
    FIELD(Ucred, struct ucred, uid);
    FIELD(Ucred, struct ucred, gid);
    SIZE(Linger, struct linger);
    FIELD(Linger, struct linger, l_onoff);
    FIELD(Linger, struct linger, l_linger);
    return 0;
}
