/* SPDX-License-Identifier: MIT */
/*
 * A file system of one file of one page, whose server answers as late as the test likes. Whoever
 * faults the page in is stuck meanwhile. So is who has written to it and then maps the file for direct
 * input and output, which wants the page written back first: he with the lock on his memory held.
 * Spoken over /dev/fuse directly.
 */
#ifndef VT_SYSTEM_FUSE_H
#define VT_SYSTEM_FUSE_H

#include "system.h"

#include <linux/fuse.h>
#include <stdatomic.h>
#include <sys/mman.h>

#define FUSE_PAGE 4096

/* Between the test and the server, in shared memory. */
static struct fuse_state {
	_Atomic bool answer_reads, answer_writes;
	_Atomic int reads, writes; /* asked for */
} *fuse;

static char fuse_dir[64];
static int fuse_fd = -1;
static pid_t fuse_server;

static inline void fuse_reply(const struct fuse_in_header *in, int error, const void *data, size_t size)
{
	char buf[sizeof(struct fuse_out_header) + FUSE_PAGE];
	struct fuse_out_header out = {
		.len = (uint32_t)(sizeof(out) + size),
		.error = error,
		.unique = in->unique,
	};

	memcpy(buf, &out, sizeof(out));
	if (size)
		memcpy(buf + sizeof(out), data, size);
	if (write(fuse_fd, buf, out.len) < 0 && errno != ENOENT)
		_exit(1);
}

static inline struct fuse_attr fuse_attributes(uint64_t node)
{
	return (struct fuse_attr){
		.ino = node,
		.size = node == FUSE_ROOT_ID ? 0 : FUSE_PAGE,
		.mode = node == FUSE_ROOT_ID ? S_IFDIR | 0755 : S_IFREG | 0644,
		.nlink = 1,
		.blksize = FUSE_PAGE,
	};
}

static inline void fuse_init(const struct fuse_in_header *in)
{
	struct fuse_init_out out = {
		.major = FUSE_KERNEL_VERSION,
		.minor = FUSE_KERNEL_MINOR_VERSION,
		.max_write = FUSE_PAGE,
	};

	fuse_reply(in, 0, &out, sizeof(out));
}

static inline void fuse_lookup(const struct fuse_in_header *in)
{
	struct fuse_entry_out out = { .nodeid = 2, .entry_valid = 3600, .attr_valid = 3600,
				      .attr = fuse_attributes(2) };

	fuse_reply(in, 0, &out, sizeof(out));
}

static inline void fuse_getattr(const struct fuse_in_header *in)
{
	struct fuse_attr_out out = { .attr_valid = 3600, .attr = fuse_attributes(in->nodeid) };

	fuse_reply(in, 0, &out, sizeof(out));
}

static inline void fuse_await(_Atomic bool *flag)
{
	while (!*flag)
		pass_ms(1);
}

/* The second time for direct input and output; the page stays dirty until it is mapped. */
static inline void fuse_open(const struct fuse_in_header *in)
{
	static struct fuse_open_out out;

	out.fh++;
	out.open_flags = FOPEN_KEEP_CACHE | (out.fh > 1 ? FOPEN_DIRECT_IO : 0);
	fuse_reply(in, 0, &out, sizeof(out));
}

static inline void fuse_read(const struct fuse_in_header *in)
{
	static const char zeroes[FUSE_PAGE];

	fuse->reads++;
	fuse_await(&fuse->answer_reads);
	fuse_reply(in, 0, zeroes, sizeof(zeroes));
}

static inline void fuse_write(const struct fuse_in_header *in, const struct fuse_write_in *what)
{
	struct fuse_write_out out = { .size = what->size };

	fuse->writes++;
	fuse_await(&fuse->answer_writes);
	fuse_reply(in, 0, &out, sizeof(out));
}

static inline void fuse_answer(const struct fuse_in_header *in)
{
	switch (in->opcode) {
	case FUSE_INIT:
		return fuse_init(in);
	case FUSE_LOOKUP:
		return fuse_lookup(in);
	case FUSE_GETATTR:
	case FUSE_SETATTR:
		return fuse_getattr(in);
	case FUSE_OPEN:
		return fuse_open(in);
	case FUSE_READ:
		return fuse_read(in);
	case FUSE_WRITE:
		return fuse_write(in, (const void *)(in + 1));
	case FUSE_FORGET:
	case FUSE_BATCH_FORGET:
	case FUSE_INTERRUPT:
		return; /* nobody waits for these */
	default:
		return fuse_reply(in, -ENOSYS, NULL, 0);
	}
}

static inline void fuse_serve(void)
{
	static char buf[4 * FUSE_PAGE] __attribute__((aligned(8)));

	while (read(fuse_fd, buf, sizeof(buf)) > 0)
		fuse_answer((const void *)buf);
}

/* Mounts it and starts the server. False: this kernel has no FUSE. */
static inline bool fuse_begin(void)
{
	char options[96];

	fuse_fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	if (fuse_fd < 0)
		return false;
	fuse = mmap(NULL, sizeof(*fuse), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	snprintf(fuse_dir, sizeof(fuse_dir), "/tmp/vt-fuse-%d", (int)getpid());
	snprintf(options, sizeof(options), "fd=%d,rootmode=40000,user_id=0,group_id=0", fuse_fd);
	assert_int_equal(mkdir(fuse_dir, 0755), 0);
	assert_int_equal(mount("vt", fuse_dir, "fuse", 0, options), 0);
	fuse_server = spawn(fuse_serve);
	return true;
}

/* Who is still stuck gets an error. */
static inline void fuse_end(void)
{
	reap(fuse_server);
	close(fuse_fd);
	umount2(fuse_dir, MNT_DETACH);
	rmdir(fuse_dir);
	munmap(fuse, sizeof(*fuse));
}

/* The page of the file, which is read from the server when it is touched. */
static inline volatile char *fuse_map(int flags)
{
	char path[96];
	void *page;
	int fd;

	snprintf(path, sizeof(path), "%s/file", fuse_dir);
	fd = open(path, O_RDWR | O_CLOEXEC);
	page = fd < 0 ? MAP_FAILED : mmap(NULL, FUSE_PAGE, PROT_READ | PROT_WRITE, flags, fd, 0);
	if (page == MAP_FAILED)
		_exit(1);
	close(fd);
	return page;
}

#endif
