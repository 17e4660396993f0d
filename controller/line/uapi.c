// SPDX-License-Identifier: MIT
#include <errno.h>
#include <fcntl.h>
#include <linux/gpio.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "uapi.h"

static uint64_t flags_of(const struct vt_line_spec *spec)
{
	static const uint64_t bias[] = {
		[VT_BIAS_DISABLED] = GPIO_V2_LINE_FLAG_BIAS_DISABLED,
		[VT_BIAS_PULL_UP] = GPIO_V2_LINE_FLAG_BIAS_PULL_UP,
		[VT_BIAS_PULL_DOWN] = GPIO_V2_LINE_FLAG_BIAS_PULL_DOWN,
	};

	return GPIO_V2_LINE_FLAG_INPUT | GPIO_V2_LINE_FLAG_EDGE_RISING |
	       GPIO_V2_LINE_FLAG_EDGE_FALLING | bias[spec->bias] |
	       (spec->active_low ? GPIO_V2_LINE_FLAG_ACTIVE_LOW : 0);
}

/* Who has it; empty: nobody knows. */
static void find_consumer(int chip_fd, unsigned int offset, char *buf, size_t size)
{
	struct gpio_v2_line_info info = { .offset = offset };

	buf[0] = '\0';
	if (ioctl(chip_fd, GPIO_V2_GET_LINEINFO_IOCTL, &info) == 0)
		snprintf(buf, size, "%s", info.consumer);
}

int vt_uapi_open_input(const char *chip_path, unsigned int offset, const struct vt_line_spec *spec)
{
	struct gpio_v2_line_request request = {
		.offsets = { offset },
		.num_lines = 1,
		.event_buffer_size = VT_LINE_EDGES,
		.config = { .flags = flags_of(spec) },
	};
	int chip_fd = open(chip_path, O_RDWR | O_CLOEXEC), err = 0;
	char consumer[GPIO_MAX_NAME_SIZE];

	if (chip_fd < 0)
		return vt_line_error(errno, spec, NULL);
	snprintf(request.consumer, sizeof(request.consumer), "%s", spec->consumer);
	if (ioctl(chip_fd, GPIO_V2_GET_LINE_IOCTL, &request) != 0) {
		err = errno;
		find_consumer(chip_fd, offset, consumer, sizeof(consumer));
		err = vt_line_error_request(err, spec, true, consumer);
	}
	close(chip_fd);
	return err ? err : request.fd;
}

int vt_uapi_level(int fd)
{
	struct gpio_v2_line_values values = { .mask = 1 };

	if (ioctl(fd, GPIO_V2_LINE_GET_VALUES_IOCTL, &values) != 0)
		return -errno;
	return values.bits & 1;
}

int vt_uapi_next_edge(int fd, struct vt_line_edge *edge)
{
	struct pollfd ready = { .fd = fd, .events = POLLIN };
	struct gpio_v2_line_event event;
	ssize_t n;

	if (poll(&ready, 1, 0) <= 0)
		return 0;
	n = read(fd, &event, sizeof(event));
	if (n != (ssize_t)sizeof(event))
		return n < 0 ? -errno : -EIO;
	*edge = (struct vt_line_edge){ event.line_seqno, event.id == GPIO_V2_LINE_EVENT_RISING_EDGE,
				       (int64_t)event.timestamp_ns };
	return 1;
}
