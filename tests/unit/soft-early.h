/* Until blocks.c and uops.c are there: one instruction by hand. */
SOFT_WEAK int blocks_create(struct cpu *cpu) { return 0; }
SOFT_WEAK void blocks_destroy(struct cpu *cpu) {}
SOFT_WEAK void blocks_faulted(struct cpu *cpu) {}
SOFT_WEAK bool blocks_written(struct cpu *cpu, const uint8_t *h, uint64_t n) { return true; }
SOFT_WEAK bool cpu_has(const struct cpu *cpu, uint32_t leaf, uint32_t subleaf, unsigned reg, unsigned bit)
{
    for (unsigned i = 0; i < cpu->info->n_cpuid; i++) {
        const struct tenon_cpuid *c = &cpu->info->cpuid[i];
        if (c->leaf == leaf && c->subleaf == subleaf)
            return (&c->eax)[reg] >> bit & 1;
    }
    return false;
}
SOFT_WEAK void blocks_run(struct cpu *cpu)
{
    static struct block_builder b;
    static struct block block;
    struct soft_host *h = cpu->info->host;
    while (cpu->instructions < cpu->stop_at) {
        struct insn in;
        b.cpu = cpu; b.rip = cpu->rip; b.mode = cpu->mode; b.in = &in; b.n = 0;
        int len = decode(&in, h->ram + cpu->seg[SEG_CS].base + cpu->rip, 15, cpu->rip, cpu->mode & MODE_CODE_MASK);
        g_assert_cmpint(len, >, 0);
        if (!fpu_translate(&b, &in))
            cpu_fault(cpu, EXC_UD);
        block.rip = cpu->rip; cpu->block = &block;
        uint64_t next = cpu->rip + len;
        cpu->r[REG_RIP] = next;
        for (unsigned i = 0; i < b.n; i++) {
            const struct uop *u = &b.uop[i];
            uint64_t a = *(uint64_t *)((char *)cpu->r + u->a);
            uint64_t *d = (uint64_t *)((char *)cpu->r + u->d);
            uint64_t s = *(uint64_t *)((char *)cpu->r + u->b);
            switch (u->op) {
            case UOP_CALL: case UOP_CALL_LAST: u->call(cpu, u); break;
            case UOP_LOADZ16: *d = mem_read(cpu, a + u->imm, 2); break;
            case UOP_LOAD32: *d = mem_read(cpu, a + u->imm, 4); break;
            case UOP_LOAD64: *d = mem_read(cpu, a + u->imm, 8); break;
            case UOP_LEA64: *d = a + (s << u->scale) + u->imm; break;
            case UOP_LEA32: *d = (uint32_t)(a + (s << u->scale) + u->imm); break;
            case UOP_ADDRSEG: *d = segment_linear(cpu, u->seg, (u->addr_size == 2 ? 0xffff : 0xffffffff) & (a + (s << u->scale) + u->imm), u->size, u->write); break;
            default: g_assert_not_reached();
            }
        }
        cpu->rip = next;
        cpu->instructions++;
    }
}
const struct uop *block_leave_at(struct cpu *cpu, const struct uop *u);
SOFT_WEAK const struct uop *block_leave_at(struct cpu *cpu, const struct uop *u) { return NULL; }
