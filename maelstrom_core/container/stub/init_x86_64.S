/* pid 1 of a container, x86-64: starts the program, reaps orphans, passes signals on, and tells how
   the program ended, and how many processes it has left behind.

   argv: its own name, the paths to try one after the other, an empty text, the program's argv. If
   its own name is all, it waits for a letter over descriptor 5 until that is closed: argc, argv and
   envp as they would lie on the stack, with pointers for where the letter is put (stub/__init__.py).
   If there is none, it is not needed and ends. Without any path to try, the program is there already,
   cloned before this was started: pid 2.

   Descriptor 4: the status pipe. One record is written to it: kind (0 ended, 1 not started, n + 1 ended
   and left n processes), wait status or errno, struct rusage of the program. Behind it stand the command
   lines of a few of those that were left, if the container has a /proc.

   Whoever the program leaves is a child of this one then: so one more wait4 says whether there is
   anybody. Those that are about to end have a moment to do so. The others are asked for their names,
   killed, and counted: the kernel would kill them at the end of this one as well, but not count them.
   Nothing in /proc is trusted: a job that has put something else there has its own words told of itself,
   and holds up nobody else.

   A program that were pid 1 itself would miss every signal that it has no handler for. Signals that
   are blocked reach pid 1 all the same, so this one blocks them all and asks for them. */

        .intel_syntax noprefix
        .text
        .globl  _start

        .equ    KIND, 0                 /* the frame, from rsp: the record, */
        .equ    STATUS, 8
        .equ    USAGE, 16
        .equ    RECORD, 160
        .equ    ALL, 160                /* a full signal set, */
        .equ    NONE, 168               /* an empty one, */
        .equ    ERRNO, 176              /* why the program could not be started, */
        .equ    TIMER, 184              /* a struct itimerval, */
        .equ    NAMED, 216              /* and how many bytes of command lines there are */
        .equ    FRAME, 224
        .equ    MOMENT, 200000          /* microseconds that others have to end after the program */
        .equ    LETTER, 0x600000        /* a segment of the ELF file: where a letter is put, */
        .equ    LETTER_END, 0x610000    /* and how much room it has */
        .equ    LINES, 0x600000         /* the same room, when the program has ended: command lines, */
        .equ    LINE, 256               /* each with so much room, filled up with zeros, */
        .equ    LINES_END, 0x600800     /* of the first eight processes, */
        .equ    ENTRIES, 0x601000       /* and what a directory holds */
        .equ    ENTRIES_SIZE, 0x8000

_start: mov     rbx, rsp                /* rbx: argc, argv …, NULL, envp …, NULL */
        sub     rsp, FRAME
        mov     qword ptr [rsp + ALL], -1
        mov     qword ptr [rsp + NONE], 0
        mov     qword ptr [rsp + ERRNO], 0
        mov     qword ptr [rsp + NAMED], 0

        mov     eax, 14                 /* rt_sigprocmask(SIG_SETMASK, ALL, NULL, 8) */
        mov     edi, 2
        lea     rsi, [rsp + ALL]
        xor     edx, edx
        mov     r10d, 8
        syscall

        cmp     qword ptr [rbx], 1      /* more than its own name? */
        jne     told
        mov     r12d, LETTER            /* r12: end of what has come */
more:   xor     eax, eax                /* read(5, there, the room that is left) */
        mov     edi, 5
        mov     rsi, r12
        mov     edx, LETTER_END
        sub     rdx, r12
        syscall
        add     r12, rax
        test    rax, rax
        jg      more
        mov     ebx, LETTER             /* rbx: as on the stack */
        xor     edi, edi
        cmp     r12, rbx
        jle     leave                   /* none came */
        mov     eax, 3                  /* close(5) */
        mov     edi, 5
        syscall

told:   mov     rax, [rbx]
        lea     r14, [rbx + rax*8 + 16] /* r14: envp */
        lea     r12, [rbx + 16]         /* r12: the first path to try */
        mov     r13, r12
find:   mov     rax, [r13]              /* r13: behind the empty text, the program's argv */
        add     r13, 8
        cmp     byte ptr [rax], 0
        jne     find
        mov     ebp, 2                  /* ebp: the program's pid */
        mov     rax, [r12]
        cmp     byte ptr [rax], 0
        je      reap                    /* it is there, and may have ended already */

        mov     eax, 56                 /* clone(CLONE_VM | CLONE_VFORK | SIGCHLD, 0, …): memory and */
        mov     edi, 0x4111             /* stack are shared until the child execs or exits, so the */
        xor     esi, esi                /* child may leave its errno in this frame, */
        xor     edx, edx                /* and must not touch the stack otherwise */
        xor     r10d, r10d
        xor     r8d, r8d
        syscall
        test    rax, rax
        jz      main
        js      refused
        mov     ebp, eax
        mov     rax, [rsp + ERRNO]
        test    rax, rax
        jnz     unstarted

wait:   mov     eax, 128                /* rt_sigtimedwait(ALL, NULL, NULL, 8): the next signal */
        lea     rdi, [rsp + ALL]
        xor     esi, esi
        xor     edx, edx
        mov     r10d, 8
        syscall
        cmp     eax, 17                 /* SIGCHLD */
        je      reap
        test    eax, eax
        js      wait                    /* interrupted */
        test    ebp, ebp
        jz      late                    /* the program has ended: there is nobody to tell */
        mov     esi, eax                /* kill(program, signal) */
        mov     edi, ebp
        mov     eax, 62
        syscall
        jmp     wait

reap:   mov     eax, 61                 /* wait4(-1, STATUS, WNOHANG, USAGE); when the program has */
        mov     rdi, -1                 /* ended, wait4(-1, NULL, WNOHANG, NULL): its record stays */
        xor     esi, esi
        mov     edx, 1
        xor     r10d, r10d
        test    ebp, ebp
        jz      1f
        lea     rsi, [rsp + STATUS]
        lea     r10, [rsp + USAGE]
1:      syscall
        test    eax, eax
        jle     none                    /* nobody else has ended */
        cmp     eax, ebp
        jne     reap                    /* an orphan: gone now */

        mov     ebx, [rsp + STATUS]     /* the kernel wrote 32 bits of it */
        mov     [rsp + STATUS], rbx
        mov     qword ptr [rsp + KIND], 0
        mov     r14d, ebx               /* r14: what to end with: */
        and     r14d, 127               /* the signal that ended it, */
        jz      1f
        add     r14d, 128
        jmp     2f
1:      mov     r14d, ebx               /* or its exit status */
        shr     r14d, 8
        and     r14d, 255
2:      xor     ebp, ebp                /* ebp: 0, for the program has ended; */
        xor     r15d, r15d              /* r15: whether others were given a moment */
        jmp     reap

none:   test    ebp, ebp
        jnz     wait
        test    eax, eax
        js      tell                    /* ECHILD: nobody is left */
        test    r15d, r15d
        jnz     wait
        inc     r15d
        xor     eax, eax
        mov     [rsp + TIMER], rax
        mov     [rsp + TIMER + 8], rax
        mov     [rsp + TIMER + 16], rax
        mov     qword ptr [rsp + TIMER + 24], MOMENT
        mov     eax, 38                 /* setitimer(ITIMER_REAL, TIMER, NULL): SIGALRM, in a moment */
        xor     edi, edi
        lea     rsi, [rsp + TIMER]
        xor     edx, edx
        syscall
        jmp     wait

late:   cmp     eax, 14                 /* SIGALRM */
        jne     wait
        mov     eax, 62                 /* kill(-1, SIGSTOP): all others, so that they are the same */
        mov     rdi, -1                 /* while they are asked; and few that are killed get to   */
        mov     esi, 19                 /* reap another one, which were not counted then */
        syscall
        mov     edi, LINES
        mov     r13d, edi               /* r13: where the next command line goes */
        mov     ecx, (LINES_END - LINES) / 8
        xor     eax, eax
        rep stosq
        mov     eax, 89                 /* readlink("/proc/self", ENTRIES, 2): "1", if it is of this */
        lea     rdi, [rip + self]       /* container; the host's might have been shown to it instead */
        mov     esi, ENTRIES
        mov     edx, 2
        syscall
        cmp     eax, 1
        jne     slay
        cmp     byte ptr [rsi], '1'
        jne     slay
        mov     eax, 2                  /* open("/proc", O_DIRECTORY | O_CLOEXEC) */
        lea     rdi, [rip + proc]
        mov     esi, 0x90000
        xor     edx, edx
        syscall
        mov     r12d, eax               /* r12: it; if it cannot be opened, it cannot be read either */
list:   mov     eax, 217                /* getdents64(it, ENTRIES, ENTRIES_SIZE) */
        mov     edi, r12d
        mov     esi, ENTRIES
        mov     edx, ENTRIES_SIZE
        syscall
        test    eax, eax
        jle     slay                    /* there are no more */
        mov     ebx, ENTRIES            /* rbx: an entry; its length is at 16, its name at 19 */
        lea     r15, [rbx + rax]        /* r15: the end of the last one */
entry:  movzx   eax, byte ptr [rbx + 19]
        sub     eax, '0'
        cmp     eax, 9
        ja      next                    /* no process */
        cmp     word ptr [rbx + 19], '1'
        je      next                    /* "1" and its end: this one */
        mov     eax, 257                /* openat(it, name, O_PATH | O_CLOEXEC) */
        mov     edi, r12d
        lea     rsi, [rbx + 19]
        mov     edx, 0x280000
        syscall
        mov     ebp, eax                /* ebp: the process's directory, for now */
        mov     eax, 257                /* openat(that, "cmdline", O_NONBLOCK | O_NOCTTY | O_CLOEXEC) */
        mov     edi, ebp
        lea     rsi, [rip + cmdline]
        mov     edx, 0x80900
        syscall
        mov     r10d, eax
        xor     eax, eax                /* read(it, there, LINE) */
        mov     edi, r10d
        mov     rsi, r13
        mov     edx, LINE
        syscall
        test    eax, eax
        jle     1f                      /* it has ended, or hides its name: others may have one */
        add     r13, LINE
1:      mov     eax, 3                  /* close */
        mov     edi, r10d
        syscall
        mov     eax, 3
        mov     edi, ebp
        syscall
        cmp     r13, LINES_END
        jae     slay
next:   movzx   eax, word ptr [rbx + 16]
        add     rbx, rax
        cmp     rbx, r15
        jb      entry
        jmp     list

slay:   xor     ebp, ebp
        sub     r13, LINES
        mov     [rsp + NAMED], r13
        mov     eax, 62                 /* kill(-1, SIGKILL): all others */
        mov     rdi, -1
        mov     esi, 9
        syscall
        mov     qword ptr [rsp + KIND], 1
1:      mov     eax, 61                 /* wait4(-1, NULL, 0, NULL), until nobody is left */
        mov     rdi, -1
        xor     esi, esi
        xor     edx, edx
        xor     r10d, r10d
        syscall
        test    eax, eax
        js      2f
        inc     qword ptr [rsp + KIND]
        jmp     1b
2:      cmp     qword ptr [rsp + KIND], 1
        jne     tell
        mov     qword ptr [rsp + KIND], 0       /* they have all ended in the last moment */

tell:   mov     eax, 1                  /* write(4, record, its size) */
        mov     edi, 4
        mov     rsi, rsp
        mov     edx, RECORD
        syscall
        mov     rdx, [rsp + NAMED]
        test    edx, edx
        jz      1f
        mov     eax, 1                  /* write(4, LINES, NAMED): a pipe has room for both */
        mov     esi, LINES
        syscall
1:      mov     edi, r14d
leave:  mov     eax, 231                /* exit_group: the kernel kills whoever is left */
        syscall
        jmp     leave

refused:
        neg     rax
unstarted:
        mov     qword ptr [rsp + KIND], 1
        mov     [rsp + STATUS], rax
        lea     rdi, [rsp + USAGE]      /* nothing was used */
        xor     eax, eax
        mov     ecx, (RECORD - USAGE) / 8
        rep stosq
        mov     r14d, 127
        jmp     tell

main:   mov     eax, 112                /* setsid() */
        syscall
        mov     eax, 16                 /* ioctl(0, TIOCSCTTY, 0): a terminal as standard input is the */
        xor     edi, edi                /* new session's own; anything else refuses, and that is well */
        mov     esi, 0x540e
        xor     edx, edx
        syscall
        mov     eax, 3                  /* close(4): the record is not for the program to write */
        mov     edi, 4
        syscall
        mov     eax, 14                 /* rt_sigprocmask(SIG_SETMASK, NONE, NULL, 8) */
        mov     edi, 2
        lea     rsi, [rsp + NONE]
        xor     edx, edx
        mov     r10d, 8
        syscall
        xor     r15d, r15d              /* r15: why it could not be started; left in the frame only */
try:    mov     rdi, [r12]              /* when all paths were tried, for one may start after all */
        cmp     byte ptr [rdi], 0
        je      1f
        mov     rsi, r13
        mov     rdx, r14
        mov     eax, 59                 /* execve(path, argv, envp) */
        syscall
        add     r12, 8
        neg     rax
        test    r15d, r15d              /* keep the first errno that says more than "not there" */
        jz      keep
        cmp     r15d, 2                 /* ENOENT */
        je      keep
        cmp     r15d, 20                /* ENOTDIR */
        jne     try
keep:   mov     r15, rax
        jmp     try
1:      mov     [rsp + ERRNO], r15
        mov     edi, 127
        mov     eax, 231
        syscall

proc:   .asciz  "/proc"
self:   .asciz  "/proc/self"
cmdline:
        .asciz  "cmdline"
