// SPDX-License-Identifier: MIT

// For each line read, tell every clock that Go can read (protocol: tests/judge/README.md). Built
// without cgo: static, with Go's own calls into the vDSO; sys_ are plain system calls.
package main

import (
	"bufio"
	"fmt"
	"os"
	"syscall"
	"time"
	"unsafe"
)

func system(clock uintptr) int64 {
	var ts syscall.Timespec
	syscall.RawSyscall(syscall.SYS_CLOCK_GETTIME, clock, uintptr(unsafe.Pointer(&ts)), 0)
	return ts.Nano()
}

func gettimeofday() int64 {
	var tv syscall.Timeval
	syscall.Gettimeofday(&tv)
	return tv.Sec*1000000 + int64(tv.Usec)
}

func main() {
	source := os.Stdin
	if len(os.Args) > 1 {
		fifo, err := os.Open(os.Args[1])
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		source = fifo
	}
	start := time.Now() // its monotonic part cannot be printed, only subtracted
	for lines := bufio.NewScanner(source); lines.Scan(); {
		before := system(1)
		real, own := time.Now().UnixNano(), time.Since(start).Nanoseconds()
		gtod := gettimeofday()
		seconds := time.Now().Unix()
		sysReal, sysMono, sysBoot, sysTai := system(0), system(1), system(7), system(11)
		after := system(1)
		fmt.Printf("mono_before_ns=%d real_ns=%d own_ns=%d gtod_us=%d real_s=%d sys_real_ns=%d"+
			" sys_mono_ns=%d sys_boot_ns=%d sys_tai_ns=%d mono_after_ns=%d\n",
			before, real, own, gtod, seconds, sysReal, sysMono, sysBoot, sysTai, after)
	}
}
