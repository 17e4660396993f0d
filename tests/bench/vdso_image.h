/* SPDX-License-Identifier: MIT */
/*
 * A vDSO image, mapped as the kernel would, with data pages that are ours to write. The image has
 * to have its symbols: they tell where the functions are, and where the code looks for its pages.
 */
#ifndef VT_BENCH_VDSO_IMAGE_H
#define VT_BENCH_VDSO_IMAGE_H

#include <elf.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>

#include "bench.h"
#include "vdso_pages.h"

#define PAGE 4096
#define BEFORE (16 * (size_t)PAGE) /* more than any image has in data pages */

struct image {
	const char *path;
	char *file, *base;
	size_t file_size, text_size;
	char *first, *host, *namespaces; /* where the data words are; namespaces: NULL if stock */
	int (*gettime)(clockid_t, struct timespec *);
	time_t (*time)(time_t *);
	int (*day)(struct timeval *, void *);
};

static inline void read_file(struct image *m)
{
	int fd = open(m->path, O_RDONLY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st))
		die("cannot read '%s': %s", m->path, strerror(errno));
	m->file_size = (size_t)st.st_size;
	m->file = mmap(NULL, m->file_size, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	if (m->file == MAP_FAILED || m->file_size < sizeof(Elf64_Ehdr) ||
	    memcmp(m->file, ELFMAG, SELFMAG) != 0)
		die("'%s' is not an ELF file", m->path);
}

static inline const Elf64_Shdr *section(const struct image *m, int i)
{
	const Elf64_Ehdr *e = (const void *)m->file;

	return (const void *)(m->file + e->e_shoff + (size_t)i * e->e_shentsize);
}

/* Its value is relative to the text, negative for the data pages before it. NULL: not there. */
static inline void *symbol(const struct image *m, const char *name)
{
	const Elf64_Ehdr *e = (const void *)m->file;

	for (int i = 0; i < e->e_shnum; i++) {
		const Elf64_Shdr *s = section(m, i);
		const Elf64_Sym *sym = (const void *)(m->file + s->sh_offset);
		const char *names = m->file + section(m, (int)s->sh_link)->sh_offset;

		if (s->sh_type != SHT_SYMTAB)
			continue;
		for (size_t n = s->sh_size / sizeof(*sym); n > 0; n--, sym++)
			if (strcmp(names + sym->st_name, name) == 0)
				return m->base + (int64_t)sym->st_value;
	}
	return NULL;
}

static inline void *needed_symbol(const struct image *m, const char *name)
{
	void *at = symbol(m, name);

	if (!at)
		die("'%s' has no symbol '%s'", m->path, name);
	return at;
}

/*
 * The kernel replaces the plain rdtsc of the image when it boots: by rdtscp where there is one, or
 * else by one with a fence before it. Without that the counter would be read too early.
 */
static inline void order_counter_reads(struct image *m)
{
	static const unsigned char plain[] = { 0x0f, 0x31, 0x90, 0x90, 0x90 };
	static const unsigned char rdtscp[] = { 0x0f, 0x01, 0xf9, 0x66, 0x90 };
	static const unsigned char fenced[] = { 0x0f, 0xae, 0xe8, 0x0f, 0x31 };
	unsigned int eax, ebx, ecx, edx = 0;
	char *at = m->base, *end = m->base + m->text_size;
	int found = 0;

	__get_cpuid(0x80000001, &eax, &ebx, &ecx, &edx);
	while ((at = memmem(at, (size_t)(end - at), plain, sizeof(plain)))) {
		memcpy(at, edx & (1U << 27) ? rdtscp : fenced, sizeof(plain));
		found++;
	}
	if (!found)
		die("'%s' does not read the cycle counter", m->path);
}

static inline void load_text(struct image *m, void *at)
{
	const Elf64_Ehdr *e = (const void *)m->file;
	const Elf64_Phdr *p = (const void *)(m->file + e->e_phoff);

	while (p->p_type != PT_LOAD)
		p++;
	m->text_size = (p->p_filesz + PAGE - 1) & ~(size_t)(PAGE - 1);
	m->base = mmap(at, BEFORE + m->text_size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (m->base == MAP_FAILED)
		die("out of memory");
	m->base += BEFORE;
	memcpy(m->base, m->file + p->p_offset, p->p_filesz);
	order_counter_reads(m);
	mprotect(m->base, m->text_size, PROT_READ | PROT_EXEC);
}

static inline struct image open_image(const char *path)
{
	struct image m = { .path = path };

	read_file(&m);
	return m;
}

/* At that address or near it; for the second time, somewhere else. */
static inline void place_image(struct image *m, void *at)
{
	if (m->base)
		munmap(m->base - BEFORE, BEFORE + m->text_size);
	load_text(m, at);
	m->first = needed_symbol(m, "vvar__vdso_data");
	m->host = needed_symbol(m, "timens__vdso_data");
	m->namespaces = symbol(m, "vtclk_ns_page");
	if (m->namespaces) /* the same place on its page */
		m->namespaces += m->first - (char *)needed_symbol(m, "vvar_page");
	m->gettime = (int (*)(clockid_t, struct timespec *))needed_symbol(m, "__vdso_clock_gettime");
	m->day = (int (*)(struct timeval *, void *))needed_symbol(m, "__vdso_gettimeofday");
	m->time = (time_t (*)(time_t *))needed_symbol(m, "__vdso_time");
}

#endif
