/*
 * Gives V8 the dot product of AVX-VNNI on a processor that has it only as AVX-512 (VNNI with VL): the same instruction on the
 * same registers, one byte longer, which V8 never emits. Preloaded into a Node whose symbols are not stripped; ends the process
 * where that is not so. Built and used by vnni.ts, on x86-64 Linux alone.
 */
#define _GNU_SOURCE
#include <elf.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* v8::internal::Assembler, as far as code is written through it. */
typedef struct {
  uint8_t unused[0x20];
  uint8_t *next;
  uint8_t unused2[0xc0];
  uint8_t *end;
} Assembler;

static void (*growBuffer)(Assembler *);

/* What V8 keeps free for an instruction or two. */
enum { GAP = 32 };

static uint8_t *emit(uint8_t *p, int count, const int *bytes) {
  for (int i = 0; i < count; i++) *p++ = (uint8_t)bytes[i];
  return p;
}

/* The top bit of a register's number, inverted, in bit `place`. */
static int high(uint8_t reg, int place) { return (reg & 8 ? 0 : 1) << place; }

/* In place of SharedMacroAssemblerBase::I32x4DotI8x16I7x16AddS: dst = sum + dot(a signed, b unsigned). dst is not a. */
static void dotAdd(Assembler *assembler, uint8_t dst, uint8_t a, uint8_t b, uint8_t sum, uint8_t scratch, uint8_t splat) {
  (void)scratch;
  (void)splat;
  if (assembler->end - assembler->next < GAP) growBuffer(assembler);
  uint8_t *p = assembler->next;
  const int modes[] = {0xc0 | (dst & 7) << 3 | (sum & 7), 0xc0 | (dst & 7) << 3 | (a & 7)};
  if (dst != sum) { /* vmovaps dst, sum */
    const int move[] = {0xc4, high(dst, 7) | 0x40 | high(sum, 5) | 1, 0x78, 0x28, modes[0]};
    p = emit(p, 5, move);
  }
  const int dot[] = {0x62, high(dst, 7) | 0x40 | high(a, 5) | 0x12, (~b & 15) << 3 | 5, 0x08, 0x50, modes[1]}; /* vpdpbusd dst, b, a */
  assembler->next = emit(p, 6, dot);
}

static void fail(const char *what) {
  fprintf(stderr, "vnni.c: %s\n", what);
  _exit(70);
}

static uint8_t *writable(uintptr_t from, size_t bytes) {
  uintptr_t page = from & ~4095ul;
  if (mprotect((void *)page, from + bytes - page, PROT_READ | PROT_WRITE | PROT_EXEC)) fail("code cannot be made writable");
  return (uint8_t *)from;
}

__attribute__((constructor)) static void start(void) {
  int file = open("/proc/self/exe", O_RDONLY);
  struct stat info;
  if (file < 0 || fstat(file, &info)) fail("the program's file cannot be read");
  uint8_t *elf = mmap(0, info.st_size, PROT_READ, MAP_PRIVATE, file, 0);
  close(file);
  if (elf == MAP_FAILED) fail("the program's file cannot be read");
  Elf64_Ehdr *head = (Elf64_Ehdr *)elf;
  Elf64_Shdr *sections = (Elf64_Shdr *)(elf + head->e_shoff);
  uintptr_t dot = 0, probe = 0, grow = 0;
  size_t probeBytes = 0;
  for (int i = 0; i < head->e_shnum; i++) {
    if (sections[i].sh_type != SHT_SYMTAB) continue;
    Elf64_Sym *symbols = (Elf64_Sym *)(elf + sections[i].sh_offset);
    const char *names = (const char *)(elf + sections[sections[i].sh_link].sh_offset);
    for (size_t j = 0; j < sections[i].sh_size / sizeof *symbols; j++) {
      const char *name = names + symbols[j].st_name;
      if (strstr(name, "SharedMacroAssemblerBase22I32x4DotI8x16I7x16AddSE")) dot = symbols[j].st_value;
      else if (!strcmp(name, "_ZN2v88internal9Assembler10GrowBufferEv")) grow = symbols[j].st_value;
      else if (!strcmp(name, "_ZN2v88internal11CpuFeatures9ProbeImplEb")) {
        probe = symbols[j].st_value;
        probeBytes = symbols[j].st_size;
      }
    }
  }
  munmap(elf, info.st_size);
  if (!dot || !probe || !grow) fail("V8's symbols were not found in this program");
  growBuffer = (void (*)(Assembler *))grow;

  /* The probe of the processor: a branch of two bytes passes over "or bl, AVX_VNNI". */
  static const uint8_t setsVnni[] = {0x80, 0xcb, 0x80};
  uint8_t *code = writable(probe, probeBytes);
  int found = 0;
  for (size_t i = 0; i + 5 < probeBytes; i++)
    if (code[i] == 0x74 && !memcmp(code + i + 2, setsVnni, sizeof setsVnni)) {
      memset(code + i, 0x90, 2);
      found++;
    }
  if (found != 1) fail("V8 probes the processor in another way than this file knows");

  /* jmp [rip + 0], then where to. */
  static const uint8_t jump[] = {0xff, 0x25, 0, 0, 0, 0};
  uintptr_t target = (uintptr_t)dotAdd;
  uint8_t *entry = writable(dot, sizeof jump + sizeof target);
  memcpy(entry, jump, sizeof jump);
  memcpy(entry + sizeof jump, &target, sizeof target);
}
