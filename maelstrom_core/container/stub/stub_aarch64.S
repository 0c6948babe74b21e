/* The machine-code interpreter of scripts, aarch64; see stub_x86_64.S for what it does and why the
   child must not touch the stack. The svc instruction preserves every register but x0. */

        .text
        .globl  stub
stub:   stp     x19, x20, [sp, #-48]!   /* what a C function must preserve */
        stp     x21, x22, [sp, #16]
        stp     x23, x30, [sp, #32]
        mov     x9, x0                  /* context; survives the call */
        mov     x0, x1                  /* clone3(arguments, */
        mov     x1, x2                  /*        size) */
        mov     x8, #435
        svc     #0
        cbz     x0, child
return: ldp     x21, x22, [sp, #16]     /* parent: pid, or -errno */
        ldp     x23, x30, [sp, #32]
        ldp     x19, x20, [sp], #48
        ret

child:  mov     x19, x9                 /* x19: context */
        ldr     x20, [x19, #16]         /* x20: number of records */
        ldr     x21, [x19, #24]         /* x21: the record at hand */
        mov     x22, #0                 /* x22: its index */

next:   cmp     x22, x20
        b.eq    ended
        ldr     x23, [x21, #64]         /* x23: flags */

        ldp     x0, x1, [x21, #8]       /* six arguments; where its flag is set, */
        ldp     x2, x3, [x21, #24]      /* an argument is an address */
        ldp     x4, x5, [x21, #40]      /* from which the value is loaded */
        tbz     x23, #0, 1f
        ldr     x0, [x0]
1:      tbz     x23, #1, 1f
        ldr     x1, [x1]
1:      tbz     x23, #2, 1f
        ldr     x2, [x2]
1:      tbz     x23, #3, 1f
        ldr     x3, [x3]
1:      tbz     x23, #4, 1f
        ldr     x4, [x4]
1:      tbz     x23, #5, 1f
        ldr     x5, [x5]
1:      ldr     x8, [x21]               /* the call's number */
        svc     #0

        ldr     x9, [x21, #56]          /* where the result goes, if anywhere */
        cbz     x9, 1f
        str     x0, [x9]
1:      cmn     x0, #4095               /* -4095 … -1, unsigned the highest of all: a failure */
        b.hs    failed
        tbz     x23, #9, forward        /* was that a clone whose child returns? */
        cbz     x0, return
forward:
        add     x21, x21, #80
        add     x22, x22, #1
        b       next

failed: tbnz    x23, #8, forward        /* is it allowed to fail? */
        neg     x0, x0
        str     x0, [x19, #8]           /* failed_errno */
        str     x22, [x19]              /* failed_index */
        mov     x0, #127
        b       leave

ended:  str     x22, [x19]              /* no call started a program: index is the count, */
        str     xzr, [x19, #8]          /* errno 0 */
        mov     x0, #126
leave:  mov     x8, #94                 /* exit_group */
        svc     #0
        b       leave
