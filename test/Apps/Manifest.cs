using System.Text.RegularExpressions;

namespace Semitone.Apps;

/// <summary>The programs that must run, each a line.</summary>
internal static partial class Manifest
{
    private static readonly string[] s_python = ["python3-minimal", "python3.11", "libpython3.11-stdlib"];

    /// <summary>Programs that make processes: shells with pipelines and jobs, make, pools of workers.</summary>
    private static readonly AppCase[] s_shells =
    [
        Shell("dash", "seq 1 20000 | sort -rn | tail -n 3; for i in 1 2; do (exit $i) || echo $?; done; x=$(echo in; exit 4); echo $x $?"),
        Shell("bash", "for i in 1 3 5; do (sleep 0.$i; echo job $i) & done; wait; while read -r l; do echo got $l; done <<< $(seq 3)"),
        Shell("bash", "coproc cat; echo hi >&${COPROC[1]}; read -r x <&${COPROC[0]}; echo $x; kill $COPROC_PID; wait $COPROC_PID; echo $?"),
        Shell("bash", "trap 'echo usr1; exit 3' USR1; (sleep 0.1; kill -USR1 $$) & while :; do :; done"),
        Shell("bash", "set -m; sleep 50 & kill -STOP %1; sleep 0.2; jobs; kill -CONT %1; kill %1; wait %1; echo $?; kill -9 $$"),
        Shell("bash", "seq 9 | (read x; exit 3) | cat; echo ${PIPESTATUS[1]}; timeout 0.2 sleep 9; echo $?; nice -n 5 nice; "
            + "env -i printf '%s\n' a b | xargs -n1 echo; find /usr/bin -name 'ca*' | xargs ls -d | sort"),
        Shell("dash", "perl -e 'for my $i (1..3) { my $p = fork // die; exit $i if !$p; waitpid $p, 0; print $? >> 8, q( ) } "
            + "open my $f, q(-|), q(seq 5 | sort -r); print <$f>; print `echo back`; exec q(echo), q(end)'"),
        Python("import os, subprocess\n"
            + "print(subprocess.run(['cat'], input='x' * 200000, capture_output=True, text=True).stdout[:5])\n"
            + "print(subprocess.check_output('echo $((6*7)) | cat', shell=True))\n"
            + "try: subprocess.run(['sleep', '9'], timeout=0.2)\n"
            + "except subprocess.TimeoutExpired: print('timeout')\n"
            + "p = os.fork()\n"
            + "if p == 0: os._exit(3)\n"
            + "print(os.waitstatus_to_exitcode(os.waitpid(p, 0)[1]))")
            with { Name = "python3: processes", Packages = [.. s_python, "dash", "coreutils"] },
    ];

    public static readonly AppCase[] Cases =
    [
        // Every way to link a C program.
        Compiled("hello.c", "gcc", "-O2", "-static-pie", "-fPIE"),
        Compiled("hello.c", "gcc", "-O2", "-static", "-no-pie"),
        Compiled("hello.c", "gcc", "-O2", "-pie", "-fPIE"),
        Compiled("hello.c", "gcc", "-O2", "-no-pie", "-fno-pie"),
        Compiled("hello.c", "gcc", "-O0", "-no-pie", "-fno-pie", "-Wl,-z,noseparate-code"),
        Compiled("hello.c", "musl-gcc", "-O2", "-static-pie", "-fPIE"),
        Compiled("hello.c", "musl-gcc", "-O2", "-static", "-no-pie"),
        Compiled("hello.c", "musl-gcc", "-O2", "-pie", "-fPIE"),
        Compiled("hello.c", "musl-gcc", "-O2", "-no-pie", "-fno-pie"),
        Compiled("hello.cpp", "g++", "-O2", "-std=c++17") with { Input = "the quick the lazy the end" },
        Compiled("hello.cpp", "g++", "-O2", "-std=c++17", "-static") with { Input = "a b a" },
        Compiled("hello.go", "go", "build"),
        Compiled("hello.rs", "rustc", "-O") with { Input = "one three seventeen" },
        Compiled("environment.c", "gcc", "-O2") with { Arguments =
        [
            "", "two words", "\"quoted\" 'both'", "tab\tand\\backslash", "ümläut", "--", "]"
        ], Environment = ["GREETING=hello there", "EMPTY="] },
        Compiled("environment.c", "musl-gcc", "-O2", "-static"),
        Compiled("threads.c", "gcc", "-O2", "-pthread"),
        Compiled("threads.c", "gcc", "-O2", "-pthread", "-static"),
        Compiled("threads.c", "musl-gcc", "-O2", "-pthread", "-static"),
        Compiled("signals.cpp", "g++", "-O1", "-std=c++20", "-pthread", "-fnon-call-exceptions"),
        Compiled("signals.cpp", "g++", "-O1", "-std=c++20", "-pthread", "-fnon-call-exceptions", "-static"),
        Compiled("efault.c", "gcc", "-O1", "-static"),

        // What calls answer, rule by rule.
        .. ((string[])["privileges.c", "paths.c", "descriptors.c", "limits.c", "mappings.c", "proc.c", "cputime.c",
            "transfers.c", "asynchronous.c", "processes.c", "events.c", "inotify.c", "sysv.c", "exchanges.c", "ptys.c",
            "credentials.c", "sockets_unix.c", "sockets_inet.c"])
            .Select(source => Compiled(source, "gcc", "-O1", "-w", "-pthread", "-static") with { NeedsRoot = true }),
        .. ((string[])
        [
            "null-read", "wild-write", "non-canonical", "kernel-read", "kernel-jump", "null-jump", "divide", "illegal", "privileged",
            "port", "breakpoint", "stack-overflow",
            "write-text", "execute-data", "unmapped", "read-only", "abort", "kill", "term",
        ]).Select(way =>
            Compiled("faults.c", "gcc", "-O1", "-static") with { Name = $"fault: {way}", Arguments = [way], ComparesErrors = false }),

        Compiled("frames.c", "gcc", "-O1", "-w", "-static") with { ComparesErrors = false },

        // Instructions that no compiler makes: the signal, the place and the registers are Linux's.
        Compiled("instructions.c", "gcc", "-O1", "-static", "-fno-stack-protector", "-mfsgsbase"),

        // Debian's packages, unmodified.
        Debian("busybox-static", "/bin/busybox", "echo", "hello", "from  busybox"),
        Debian("busybox-static", "/bin/busybox", "cat") with { Input = "through\nthe\npipe\n" },
        Debian("busybox-static", "/bin/busybox", "md5sum", "/bin/busybox"),
        Debian("busybox-static", "/bin/busybox", "sort", "-u", "/tmp/words"),
        Debian("busybox-static", "/bin/busybox", "awk", "{ n += length($0) } END { print n, NR }") with { Input = "a\nbb\nccc\n" },
        Debian("busybox-static", "/bin/busybox", "find", "/bin"),
        Debian("busybox-static", "/bin/busybox", "expr", "6", "*", "7"),
        Debian("busybox-static", "/bin/busybox", "dd", "if=/bin/busybox", "bs=1000", "count=3", "status=none"),
        Debian("busybox-static", "/bin/busybox", "sh", "-c", "echo $((6 * 7)); for i in 1 2 3; do echo $i; done; exit 5"),
        Debian("busybox-static", "/bin/busybox", "false"),
        Debian("busybox-static", "/bin/busybox", "nosuchapplet"),
        Debian("coreutils", "/bin/echo", "plain", "words"),
        Debian("coreutils", "/bin/ls", "-la", "/") with { Normalize = HideWhatFileSystemsDiffer },
        Debian("coreutils", "/bin/ls", "-l", "/bin/cat", "/lib64/ld-linux-x86-64.so.2"),
        Debian("coreutils", "/bin/ls", "/nonexistent"),
        Debian("coreutils", "/bin/cat", "/tmp/words", "-") with { Input = "from standard input\n" },
        Debian("coreutils", "/usr/bin/md5sum", "/bin/ls", "/tmp/words"),
        Debian("coreutils", "/usr/bin/sha256sum", "/bin/cat"),
        Debian("coreutils", "/usr/bin/sort", "-r", "/tmp/words"),
        Debian("coreutils", "/usr/bin/sort", "-n") with
        {
            Input = string.Join('\n', Enumerable.Range(0, 5000).Select(i => i * 7919 % 5003)) + "\n"
        },
        Debian("coreutils", "/usr/bin/wc", "/tmp/words", "/bin/ls"),
        Debian("coreutils", "/usr/bin/env") with { Normalize = SortLines, Environment = ["A=1", "B=x y", "C="] },
        Debian("coreutils", "/bin/date", "-u", "-d", "@1700000000"),
        Debian("coreutils", "/usr/bin/seq", "1", "3", "20000"),
        Debian("coreutils", "/usr/bin/tr", "a-z", "A-Z") with { Input = "shout\n" },
        Debian("coreutils", "/usr/bin/head", "-c", "100000", "/bin/ls"),
        Debian("coreutils", "/usr/bin/factor", "1234567890", "18446744073709551615"),
        Debian("coreutils", "/usr/bin/stat", "-c", "%F %a %n", "/bin/cat", "/bin", "/tmp"),
        Debian("bc", "/usr/bin/bc", "-l") with { Input = "2^200\nscale=40\n4*a(1)\n" },
        Debian("mawk", "/usr/bin/mawk", "{ s += $1 } END { print s, s / NR }") with { Input = "1\n2\n3.5\n" },
        Debian("gawk", "/usr/bin/gawk", "BEGIN { for (i = 0; i < 5; i++) printf \"%d %s\\n\", i, strftime(\"%Y\", i * 1e8, 1) }"),
        Debian("sed", "/bin/sed", "-E", "s/([a-z]+) ([a-z]+)/\\2 \\1/;2d") with { Input = "hello world\ngone\nlast line\n" },
        Debian("grep", "/bin/grep", "-n", "-E", "^a.+e$", "/tmp/words"),
        Debian("grep", "/bin/grep", "nothing", "/tmp/words"),
        Debian("gzip", "/bin/gzip", "-9", "-n", "-c", "/bin/gzip"),
        Debian("gzip", "/bin/gzip", "-d", "-c") with { Name = "gunzip", Input = Unzippable },
        Debian(
            "sqlite3",
            "/usr/bin/sqlite3",
            ":memory:",
            "create table t(a,b); insert into t values(1,'x'),(2,'y'); select sum(a), group_concat(b) from t;"),
        Debian("sqlite3", "/usr/bin/sqlite3", "/tmp/new.db") with
        {
            Name = "sqlite3 in a file",
            Input = "create table t(a);\ninsert into t select value from generate_series(1,1000);\nselect count(*), sum(a) from t;\ndrop "
                + "table t;\n.quit\n"
        },
        Debian(
            "lua5.4",
            "/usr/bin/lua5.4",
            "-e",
            "t={} for w in ('a b c'):gmatch('%a') do t[#t+1]=w end print(#t, table.concat(t,'-'), 2^53, pcall(error,'x'))"),
        Debian(
            "perl-base",
            "/usr/bin/perl",
            "-e",
            "my %h = map { $_ => length } qw(one three five); print join(',', map {\"$_=$h{$_}\"} sort keys %h), \"\\n\"; print "
                + "sprintf('%.10f', atan2(1,1)*4), \"\\n\"; exit 4"),
        Debian("perl-base", "/usr/bin/perl", "-ne", "print scalar reverse") with { Input = "abc\ndef\n" },
        .. s_shells,
        Debian(
            "bash",
            "/bin/bash",
            "-c",
            "mapfile -t a < /tmp/words; echo ${#a[@]} ${a[1]}; [[ abc =~ ^a(b) ]] && echo ${BASH_REMATCH[1]}; trap 'echo bye' EXIT; exit "
                + "3"),
        Debian("dash", "/bin/dash") with
        {
            Name = "dash reads a script",
            Input = "read x < /tmp/words; echo $x $((6 * 7)); exec 5>/tmp/new; echo y >&5; cd /tmp; echo *"
        },
        Debian("dc", "/usr/bin/dc", "-e", "2 1000 ^ p"),
        Debian("diffutils", "/usr/bin/diff", "/tmp/words", "-") with { Input = "pear\napple\nfig\n" },
        Debian("ed", "/bin/ed", "/tmp/words") with { Input = "1,$p\n2d\n1,$n\nw /tmp/o\nq\n" },
        Debian("findutils", "/usr/bin/find", "/tmp", "-type", "f", "-printf", "%p %s %m\\n"),
        Debian("jq", "/usr/bin/jq", ".a[1], ([range(10000)] | add)") with { Input = "{\"a\":[1,{\"b\":2}]}" },
        Debian("m4", "/usr/bin/m4") with { Name = "m4 from standard input", Input = "define(a,`x$1y')dnl\na(1)\neval(2**10)\n" },
        Debian(
            "ruby3.1",
            "/usr/bin/ruby3.1",
            "-e",
            "p 2**200; t = Thread.new { puts :thread }; t.join; require 'digest'; puts Digest::SHA256.hexdigest('x'); f = Fiber.new { "
                + "Fiber.yield 1; 2 }; p f.resume, f.resume; exit 3"),
        Debian("tcl8.6", "/usr/bin/tclsh8.6") with
        {
            Name = "tclsh and its event loop",
            Input = "puts [expr 2**100]\nafter 100 {set x 1}\nvwait x\nputs $x\nset f [open /tmp/q w]\nputs $f hi\nclose $f\nputs [file "
                + "size /tmp/q]\nexit 4\n"
        },
        Debian("xz-utils", "/usr/bin/xz", "-T2", "-c", "/usr/bin/xz"),
        Debian("zstd", "/usr/bin/zstd", "-T2", "-c", "/usr/bin/zstd"),
        Python("print('hello from python')"),
        Python("import json, re, math, hashlib; print(json.dumps({'a': [1, 2.5, None]}), re.sub('b+', 'x', 'abbc'), math.pi, "
            + "hashlib.sha256(b'x').hexdigest())"),
        Python("import sys; print(sum(int(line) for line in sys.stdin)); sys.exit(6)") with { Input = "1\n2\n39\n" },
        Python("import threading, queue; q = queue.Queue(); ts = [threading.Thread(target=lambda i=i: q.put(i * i)) for i in range(10)]; "
            + "[t.start() for t in ts]; [t.join() for t in ts]; print(sorted(q.queue))"),
        Python("import os, tempfile; d = tempfile.mkdtemp(); p = d + '/f'; open(p, 'w').write('x' * 100000); print(os.stat(p).st_size, "
            + "open(p).read() == 'x' * 100000); os.rename(p, d + '/g'); print(os.listdir(d)); os.unlink(d + '/g'); os.rmdir(d)"),
        Python("raise ValueError('seen')"),
        Python("import decimal, datetime, random, collections, itertools; decimal.getcontext().prec = 50; "
            + "print(decimal.Decimal(2).sqrt(), datetime.date(2024, 2, 29).isoformat(), sum(itertools.islice(itertools.count(), 1000)), "
                + "collections.Counter('mississippi').most_common(2))"),
    ];

    /// <summary>"unpacked" and a line feed, as gzip(1) writes it.</summary>
    private static string Unzippable => System.Text.Encoding.Latin1.GetString(Zip("unpacked\n"u8));

    private static byte[] Zip(ReadOnlySpan<byte> text)
    {
        using MemoryStream packed = new();
        using (System.IO.Compression.GZipStream gzip = new(packed, System.IO.Compression.CompressionLevel.Optimal))
        {
            gzip.Write(text);
        }

        return packed.ToArray();
    }

    private static AppCase Compiled(string source, params string[] compiler) =>
        new() { Name = $"{source}: {string.Join(' ', compiler)}", Program = source, Compiler = compiler, Arguments = ["one", "two words"] };

    private static AppCase Debian(string package, string program, params string[] arguments) =>
        new()
        {
            Name = $"{package}: {Shorten($"{Path.GetFileName(program)} {string.Join(' ', arguments)}")}",
            Packages =
        [
            package
        ],
            Program = program,
            Arguments = arguments
        };

    private static AppCase Shell(string package, string script) => new()
    {
        Name = $"{package}: {Shorten(script)}",
        Packages = [package, "dash", "coreutils", "findutils", "perl-base"],
        Program = package == "bash" ? "/bin/bash" : "/bin/dash",
        Arguments = ["-c", script],
    };

    private static AppCase Python(string script) =>
        new() { Name = $"python3: {Shorten(script)}", Packages = s_python, Program = "/usr/bin/python3.11", Arguments = ["-c", script] };

    private static string Shorten(string text) => text.Length <= 60 ? text : text[..57] + "...";

    /// <summary>The order of variables is nobody's promise.</summary>
    private static string SortLines(string text) => string.Join('\n', text.Split('\n').Order(StringComparer.Ordinal));

    /// <summary>
    /// Leaves of <c>ls -l</c> what is the packed tree's: a folder's size and links are its file system's affair, and /dev, /proc and /sys
    /// are the kernel's.
    /// </summary>
    private static string HideWhatFileSystemsDiffer(string listing) => string.Join(
        '\n',
        listing.Split('\n')
            .Where(line => !OfTheKernel().IsMatch(line))
            .Select(line => line.StartsWith('d') ? SizeAndLinks().Replace(line, "$1 N $2 SIZE DATE") : line));

    [GeneratedRegex(@"^total |\b(dev|proc|sys)$|\.\.?$")]
    private static partial Regex OfTheKernel();

    [GeneratedRegex(@"^(\S+)\s+\d+ (\S+\s+\S+)\s+\d+ .{12}")]
    private static partial Regex SizeAndLinks();
}
