/* The machine-code interpreter of scripts, x86-64.

   long stub(struct context *context, struct clone_args *arguments, size_t size)

   Makes a child with clone3. In the parent it returns what clone3 returned. In the child it walks
   the table of system calls whose layout script.py describes, and never returns. The child shares
   the parent's memory and stack (CLONE_VM | CLONE_VFORK), so nothing below `child` may touch the
   stack: no push, no call, no ret. The syscall instruction destroys rax, rcx and r11 only.

   A record may clone once more, for a child with a memory of its own (flag bit 9): that one returns
   0 from here, as from a fork, within all that the records before have made, while the first child
   walks on. Hence what the caller expects to find again is kept on the stack. */

        .intel_syntax noprefix
        .text
        .globl  stub
stub:
        push    rbx                     /* what a C function must preserve */
        push    r12
        push    r13
        push    r14
        push    r15
        mov     r9, rdi                 /* context; survives the call */
        mov     rdi, rsi                /* clone3(arguments, */
        mov     rsi, rdx                /*        size) */
        mov     eax, 435
        syscall
        test    rax, rax
        jz      child
return: pop     r15                     /* parent: pid, or -errno */
        pop     r14
        pop     r13
        pop     r12
        pop     rbx
        ret

child:  mov     rbx, r9                 /* rbx: context */
        mov     r14, [rbx + 16]         /* r14: number of records */
        mov     r12, [rbx + 24]         /* r12: the record at hand */
        xor     r13d, r13d              /* r13: its index */

next:   cmp     r13, r14
        je      ended
        mov     r15, [r12 + 64]         /* r15: flags */

        mov     rdi, [r12 + 8]          /* six arguments; where its flag is set, */
        test    r15b, 1                 /* an argument is an address */
        jz      1f
        mov     rdi, [rdi]              /* from which the value is loaded */
1:      mov     rsi, [r12 + 16]
        test    r15b, 2
        jz      1f
        mov     rsi, [rsi]
1:      mov     rdx, [r12 + 24]
        test    r15b, 4
        jz      1f
        mov     rdx, [rdx]
1:      mov     r10, [r12 + 32]         /* the fourth goes into r10, not rcx */
        test    r15b, 8
        jz      1f
        mov     r10, [r10]
1:      mov     r8, [r12 + 40]
        test    r15b, 16
        jz      1f
        mov     r8, [r8]
1:      mov     r9, [r12 + 48]
        test    r15b, 32
        jz      1f
        mov     r9, [r9]
1:      mov     rax, [r12]              /* the call's number */
        syscall

        mov     rcx, [r12 + 56]         /* where the result goes, if anywhere */
        test    rcx, rcx
        jz      1f
        mov     [rcx], rax
1:      cmp     rax, -4095              /* -4095 … -1, unsigned the highest of all: a failure */
        jae     failed
        bt      r15, 9                  /* was that a clone whose child returns? */
        jnc     forward
        test    rax, rax
        jz      return
forward:
        add     r12, 80
        inc     r13
        jmp     next

failed: bt      r15, 8                  /* is it allowed to fail? */
        jc      forward
        neg     rax
        mov     [rbx + 8], rax          /* failed_errno */
        mov     [rbx], r13              /* failed_index */
        mov     edi, 127
        jmp     leave

ended:  mov     [rbx], r13              /* no call started a program: index is the count, */
        mov     qword ptr [rbx + 8], 0  /* errno 0 */
        mov     edi, 126
leave:  mov     eax, 231                /* exit_group */
        syscall
        jmp     leave
