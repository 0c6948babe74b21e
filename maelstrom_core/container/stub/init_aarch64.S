/* pid 1 of a container, aarch64; see init_x86_64.S for what it does and why. */

        .text
        .globl  _start

        .equ    KIND, 0                 /* the frame, from sp: the record, */
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

_start: mov     x19, sp                 /* x19: argc, argv …, NULL, envp …, NULL */
        sub     sp, sp, #FRAME
        mov     x0, #-1
        str     x0, [sp, #ALL]
        str     xzr, [sp, #NONE]
        str     xzr, [sp, #ERRNO]
        str     xzr, [sp, #NAMED]

        mov     x8, #135                /* rt_sigprocmask(SIG_SETMASK, ALL, NULL, 8) */
        mov     x0, #2
        add     x1, sp, #ALL
        mov     x2, #0
        mov     x3, #8
        svc     #0

        ldr     x0, [x19]
        cmp     x0, #1                  /* more than its own name? */
        b.ne    told
        mov     x19, #LETTER            /* x19: as on the stack */
        mov     x20, x19                /* x20: end of what has come */
more:   mov     x8, #63                 /* read(5, there, the room that is left) */
        mov     x0, #5
        mov     x1, x20
        mov     x2, #LETTER_END
        sub     x2, x2, x20
        svc     #0
        add     x20, x20, x0
        cmp     x0, #0
        b.gt    more
        mov     w0, #0
        cmp     x20, x19
        b.le    leave                   /* none came */
        mov     x8, #57                 /* close(5) */
        mov     x0, #5
        svc     #0

told:   ldr     x0, [x19]
        add     x20, x19, x0, lsl #3    /* x20: envp */
        add     x20, x20, #16
        add     x21, x19, #16           /* x21: the first path to try */
        mov     x22, x21
find:   ldr     x0, [x22], #8           /* x22: behind the empty text, the program's argv */
        ldrb    w0, [x0]
        cbnz    w0, find
        mov     x23, #2                 /* x23: the program's pid */
        ldr     x0, [x21]
        ldrb    w0, [x0]
        cbz     w0, reap                /* it is there, and may have ended already */

        mov     x8, #220                /* clone(CLONE_VM | CLONE_VFORK | SIGCHLD, 0, …): memory and */
        mov     x0, #0x4111             /* stack are shared until the child execs or exits, so the */
        mov     x1, #0                  /* child may leave its errno in this frame, */
        mov     x2, #0                  /* and must not touch the stack otherwise */
        mov     x3, #0
        mov     x4, #0
        svc     #0
        cbz     x0, main
        tbnz    x0, #63, refused
        mov     x23, x0
        ldr     x0, [sp, #ERRNO]
        cbnz    x0, unstarted

wait:   mov     x8, #137                /* rt_sigtimedwait(ALL, NULL, NULL, 8): the next signal */
        add     x0, sp, #ALL
        mov     x1, #0
        mov     x2, #0
        mov     x3, #8
        svc     #0
        cmp     w0, #17                 /* SIGCHLD */
        b.eq    reap
        tbnz    w0, #31, wait           /* interrupted */
        cbz     w23, late               /* the program has ended: there is nobody to tell */
        mov     w1, w0                  /* kill(program, signal) */
        mov     x0, x23
        mov     x8, #129
        svc     #0
        b       wait

reap:   mov     x8, #260                /* wait4(-1, STATUS, WNOHANG, USAGE); when the program has */
        mov     x0, #-1                 /* ended, wait4(-1, NULL, WNOHANG, NULL): its record stays */
        mov     x1, #0
        mov     x2, #1
        mov     x3, #0
        cbz     w23, 1f
        add     x1, sp, #STATUS
        add     x3, sp, #USAGE
1:      svc     #0
        cmp     w0, #0
        b.le    none                    /* nobody else has ended */
        cmp     w0, w23
        b.ne    reap                    /* an orphan: gone now */

        ldr     w19, [sp, #STATUS]      /* the kernel wrote 32 bits of it */
        str     x19, [sp, #STATUS]
        str     xzr, [sp, #KIND]
        ands    w24, w19, #127          /* w24: what to end with: the signal that ended it, */
        b.eq    1f
        add     w24, w24, #128
        b       2f
1:      ubfx    w24, w19, #8, #8        /* or its exit status */
2:      mov     w23, #0                 /* w23: 0, for the program has ended; */
        mov     w25, #0                 /* w25: whether others were given a moment */
        b       reap

none:   cbnz    w23, wait
        tbnz    w0, #31, tell           /* ECHILD: nobody is left */
        cbnz    w25, wait
        mov     w25, #1
        str     xzr, [sp, #TIMER]
        str     xzr, [sp, #TIMER + 8]
        str     xzr, [sp, #TIMER + 16]
        mov     x0, #(MOMENT & 0xffff)
        movk    x0, #(MOMENT >> 16), lsl #16
        str     x0, [sp, #TIMER + 24]
        mov     x8, #103                /* setitimer(ITIMER_REAL, TIMER, NULL): SIGALRM, in a moment */
        mov     x0, #0
        add     x1, sp, #TIMER
        mov     x2, #0
        svc     #0
        b       wait

late:   cmp     w0, #14                 /* SIGALRM */
        b.ne    wait
        mov     x8, #129                /* kill(-1, SIGSTOP): all others, so that they are the same */
        mov     x0, #-1                 /* while they are asked; and few that are killed get to   */
        mov     x1, #19                 /* reap another one, which were not counted then */
        svc     #0
        mov     x22, #LINES             /* x22: where the next command line goes */
        add     x26, x22, #(LINES_END - LINES)
        mov     x0, x22
1:      str     xzr, [x0], #8
        cmp     x0, x26
        b.ne    1b
        mov     x8, #78                 /* readlinkat(AT_FDCWD, "/proc/self", ENTRIES, 2): "1", if it is */
        mov     x0, #-100               /* of this container; the host's might have been shown instead */
        adr     x1, self
        mov     x19, #(ENTRIES & 0xffff)
        movk    x19, #(ENTRIES >> 16), lsl #16
        mov     x2, x19
        mov     x3, #2
        svc     #0
        cmp     x0, #1
        b.ne    slay
        ldrb    w0, [x19]
        cmp     w0, #'1'
        b.ne    slay
        mov     x8, #56                 /* openat(AT_FDCWD, "/proc", O_DIRECTORY | O_CLOEXEC) */
        mov     x0, #-100
        adr     x1, proc
        mov     x2, #0x4000
        movk    x2, #0x8, lsl #16
        mov     x3, #0
        svc     #0
        mov     w21, w0                 /* w21: it; if it cannot be opened, it cannot be read either */
list:   mov     x8, #61                 /* getdents64(it, ENTRIES, ENTRIES_SIZE) */
        sxtw    x0, w21
        mov     x1, #(ENTRIES & 0xffff)
        movk    x1, #(ENTRIES >> 16), lsl #16
        mov     x19, x1                 /* x19: an entry; its length is at 16, its name at 19 */
        mov     x2, #ENTRIES_SIZE
        svc     #0
        cmp     w0, #0
        b.le    slay                    /* there are no more */
        add     x20, x19, x0            /* x20: the end of the last one */
entry:  ldrb    w0, [x19, #19]
        sub     w1, w0, #'0'
        cmp     w1, #9
        b.hi    next                    /* no process */
        ldrb    w1, [x19, #20]
        cmp     w0, #'1'
        ccmp    w1, #0, #0, eq
        b.eq    next                    /* "1" and its end: this one */
        mov     x8, #56                 /* openat(it, name, O_PATH | O_CLOEXEC) */
        sxtw    x0, w21
        add     x1, x19, #19
        mov     x2, #0x280000
        mov     x3, #0
        svc     #0
        mov     w25, w0                 /* w25: the process's directory */
        mov     x8, #56                 /* openat(that, "cmdline", O_NONBLOCK | O_NOCTTY | O_CLOEXEC) */
        sxtw    x0, w25
        adr     x1, cmdline
        mov     x2, #0x0900
        movk    x2, #0x8, lsl #16
        mov     x3, #0
        svc     #0
        mov     w27, w0
        mov     x8, #63                 /* read(it, there, LINE) */
        sxtw    x0, w27
        mov     x1, x22
        mov     x2, #LINE
        svc     #0
        cmp     w0, #0
        b.le    1f                      /* it has ended, or hides its name: others may have one */
        add     x22, x22, #LINE
1:      mov     x8, #57                 /* close */
        sxtw    x0, w27
        svc     #0
        mov     x8, #57
        sxtw    x0, w25
        svc     #0
        cmp     x22, x26
        b.hs    slay
next:   ldrh    w0, [x19, #16]
        add     x19, x19, x0
        cmp     x19, x20
        b.lo    entry
        b       list

slay:   mov     x0, #LINES
        sub     x22, x22, x0
        str     x22, [sp, #NAMED]
        mov     x8, #129                /* kill(-1, SIGKILL): all others */
        mov     x0, #-1
        mov     x1, #9
        svc     #0
        mov     x19, #1
1:      mov     x8, #260                /* wait4(-1, NULL, 0, NULL), until nobody is left */
        mov     x0, #-1
        mov     x1, #0
        mov     x2, #0
        mov     x3, #0
        svc     #0
        tbnz    w0, #31, 2f
        add     x19, x19, #1
        b       1b
2:      cmp     x19, #1
        csel    x19, xzr, x19, eq       /* they have all ended in the last moment */
        str     x19, [sp, #KIND]

tell:   mov     x8, #64                 /* write(4, record, its size) */
        mov     x0, #4
        mov     x1, sp
        mov     x2, #RECORD
        svc     #0
        ldr     x2, [sp, #NAMED]
        cbz     x2, 1f
        mov     x8, #64                 /* write(4, LINES, NAMED): a pipe has room for both */
        mov     x0, #4
        mov     x1, #LINES
        svc     #0
1:      mov     w0, w24
leave:  mov     x8, #94                 /* exit_group: the kernel kills whoever is left */
        svc     #0
        b       leave

refused:
        neg     x0, x0
unstarted:
        mov     x1, #1
        str     x1, [sp, #KIND]
        str     x0, [sp, #STATUS]
        add     x1, sp, #USAGE          /* nothing was used */
        add     x2, sp, #RECORD
1:      str     xzr, [x1], #8
        cmp     x1, x2
        b.ne    1b
        mov     w24, #127
        b       tell

main:   mov     x8, #157                /* setsid() */
        svc     #0
        mov     x8, #29                 /* ioctl(0, TIOCSCTTY, 0): a terminal as standard input is the */
        mov     x0, #0                  /* new session's own; anything else refuses, and that is well */
        mov     x1, #0x540e
        mov     x2, #0
        svc     #0
        mov     x8, #57                 /* close(4): the record is not for the program to write */
        mov     x0, #4
        svc     #0
        mov     x8, #135                /* rt_sigprocmask(SIG_SETMASK, NONE, NULL, 8) */
        mov     x0, #2
        add     x1, sp, #NONE
        mov     x2, #0
        mov     x3, #8
        svc     #0
        mov     x25, #0                 /* x25: why it could not be started; left in the frame only */
try:    ldr     x0, [x21], #8           /* when all paths were tried, for one may start after all */
        ldrb    w1, [x0]
        cbz     w1, 1f
        mov     x1, x22
        mov     x2, x20
        mov     x8, #221                /* execve(path, argv, envp) */
        svc     #0
        neg     x0, x0
        cbz     x25, keep               /* keep the first errno that says more than "not there" */
        cmp     x25, #2                 /* ENOENT */
        b.eq    keep
        cmp     x25, #20                /* ENOTDIR */
        b.ne    try
keep:   mov     x25, x0
        b       try
1:      str     x25, [sp, #ERRNO]
        mov     x0, #127
        mov     x8, #94
        svc     #0

proc:   .asciz  "/proc"
self:   .asciz  "/proc/self"
cmdline:
        .asciz  "cmdline"
