/* The machine-code interpreter of scripts, x86-64.

   long stub(struct context *context, struct clone_args *arguments, size_t size)

   Makes a child with clone3. In the parent it returns what clone3 returned. In the child it walks
   the table of system calls whose layout script.py describes, and never returns. The child shares
   the parent's memory and stack (CLONE_VM | CLONE_VFORK), so nothing below `child` may touch the
   stack: no push, no call, no ret. The syscall instruction destroys rax, rcx and r11 only.

   A record may clone once more, for a child with a memory of its own (flag bit 9): that one returns
   0 from here, as from a fork, within all that the records before have made, while the first child
   walks on. Hence what the caller expects to find again is kept on the stack.

   long serve(struct server *server), 16 bytes behind it

   Does that again and again for a template, as it is asked to over a socket. Nothing of Python runs
   in between, so nothing is written to the template's memory: its large pages stay whole, and its
   page tables small, which is most of what a fork costs. Returns 0 in each fork; in the template 1
   when a packet has come that is no request of 16 bytes for a fork, 2 when the second descriptor of
   those that it waits for can be read, and -errno (-4 at a signal, for its handler may be Python's).

   struct server, 8-byte words: 0 the socket; 1 address of what to poll(2), 2 how many; 3 address of
   the struct msghdr of a request, 4 of its bytes (a word that is 1, the fork's number), 5 of its six
   descriptors, 6 of six words where scripts find them; 7 address and 8 size of clone3's arguments;
   9 address of the context, 10 of clone3's pidfd; 11 address of the struct msghdr of an answer, 12 of
   its bytes (a word that is 2, number, pid or -errno, failing index or -1, its errno), 13 of its
   descriptor; 14 address of all signals, 15 of a place for a mask; 16 how many bytes were received. */

        .intel_syntax noprefix
        .text
        .globl  stub
.globl  serve
stub:   jmp     once
        .balign 16, 0xcc
serve:  push    rbx                     /* what a C function must preserve */
        push    rbp
        push    r12
        push    r13
        push    r14
        push    r15
        mov     rbp, rdi                /* rbp: server */

wait:   mov     rdi, [rbp + 8]          /* poll(descriptors, */
        mov     rsi, [rbp + 16]         /*      how many, */
        mov     rdx, -1                 /*      for ever) */
        mov     eax, 7
        syscall
        test    rax, rax
        js      return
        mov     rdi, [rbp + 8]
        mov     eax, 2
        cmp     word ptr [rdi + 14], 0  /* revents of the second */
        jne     return

        mov     rdi, [rbp]              /* recvmsg(socket, */
        mov     rsi, [rbp + 24]         /*         message, */
        mov     qword ptr [rsi + 40], 40 /* room for six descriptors */
        mov     edx, 0x40000000         /*         MSG_CMSG_CLOEXEC) */
        mov     eax, 47
        syscall
        mov     [rbp + 128], rax
        test    rax, rax
        js      return
        mov     rsi, [rbp + 24]
        mov     rdx, [rbp + 32]
        cmp     rax, 16                 /* is it a request, and complete? */
        mov     eax, 1
        jne     return
        cmp     qword ptr [rdx], 1
        jne     return
        cmp     qword ptr [rsi + 40], 40
        jne     return

        mov     rax, [rdx + 8]          /* its number goes into the answer */
        mov     rdx, [rbp + 96]
        mov     qword ptr [rdx], 2
        mov     [rdx + 8], rax
        mov     rsi, [rbp + 40]
        mov     rdi, [rbp + 48]
        xor     ecx, ecx
1:      movsxd  rax, dword ptr [rsi + 4 * rcx]
        mov     [rdi + 8 * rcx], rax
        inc     ecx
        cmp     ecx, 6
        jne     1b

        mov     edi, 2                  /* rt_sigprocmask(SIG_SETMASK, */
        mov     rsi, [rbp + 112]        /*     all signals, */
        mov     rdx, [rbp + 120]        /*     what it was, */
        mov     r10d, 8                 /*     8 bytes): the child has our handlers */
        mov     eax, 14
        syscall
        mov     r9, [rbp + 72]
        mov     qword ptr [r9], -1      /* no failure yet */
        mov     qword ptr [r9 + 8], 0
        mov     rdi, [rbp + 56]         /* clone3(arguments, */
        mov     rsi, [rbp + 64]         /*        size) */
        mov     eax, 435
        syscall
        test    rax, rax
        jz      child
        mov     r12, rax                /* r12: pid, or -errno */
        mov     edi, 2
        mov     rsi, [rbp + 120]
        xor     edx, edx
        mov     r10d, 8
        mov     eax, 14
        syscall

        xor     r13d, r13d              /* what was given is the fork's now */
1:      mov     rsi, [rbp + 48]
        mov     rdi, [rsi + 8 * r13]
        mov     eax, 3                  /* close */
        syscall
        inc     r13d
        cmp     r13d, 6
        jne     1b

        mov     rdx, [rbp + 96]
        mov     rcx, [rbp + 72]
        mov     [rdx + 16], r12
        mov     rax, [rcx]
        mov     [rdx + 24], rax         /* index */
        mov     r13, rax                /* r13: -1 if all went well */
        mov     rax, [rcx + 8]
        mov     [rdx + 32], rax         /* errno */
        mov     rsi, [rbp + 88]
        mov     qword ptr [rsi + 40], 0 /* no descriptor goes along */
        test    r12, r12
        js      answer
        cmp     r13, -1
        jne     answer
        mov     qword ptr [rsi + 40], 24
        mov     rcx, [rbp + 80]
        mov     eax, [rcx]
        mov     rcx, [rbp + 104]
        mov     [rcx], eax
answer: mov     rdi, [rbp]              /* sendmsg(socket, message, */
        mov     edx, 0x4000             /*         MSG_NOSIGNAL) */
        mov     eax, 46
        syscall
        test    r12, r12
        js      wait
        mov     rcx, [rbp + 80]
        mov     edi, [rcx]
        mov     eax, 3                  /* close */
        syscall
        mov     rdi, r12                /* wait4(pid, NULL, __WALL, NULL) for one that has failed, */
        mov     edx, 0x40000000
        cmp     r13, -1
        jne     1f
reap:   mov     rdi, -1                 /* and with WNOHANG for whoever else has ended: */
        mov     edx, 0x40000001         /* children of scripts send no signal when they do */
1:      xor     esi, esi
        xor     r10d, r10d
        mov     eax, 61
        syscall
        test    rax, rax
        jg      reap
        jmp     wait

once:   push    rbx                     /* what a C function must preserve */
        push    rbp
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
        pop     rbp
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
