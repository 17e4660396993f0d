#!/usr/bin/perl
# SPDX-License-Identifier: MIT
# For each line read, tell every clock that Perl can read (protocol: tests/judge/README.md).
use strict;
use warnings;
use Time::HiRes qw(clock_gettime gettimeofday CLOCK_REALTIME CLOCK_MONOTONIC CLOCK_BOOTTIME);

my $source = \*STDIN;
open($source, '<', $ARGV[0]) or die "$ARGV[0]: $!\n" if @ARGV;
$| = 1;

sub us { return sprintf '%d', shift() * 1e6; }

while (<$source>) {
	my $before = clock_gettime(CLOCK_MONOTONIC);
	my $real = clock_gettime(CLOCK_REALTIME);
	my $boot = clock_gettime(CLOCK_BOOTTIME);
	my ($s, $us) = gettimeofday();
	my $time = time();
	my $mono = clock_gettime(CLOCK_MONOTONIC);
	my $after = clock_gettime(CLOCK_MONOTONIC);
	printf "mono_before_us=%s real_us=%s boot_us=%s gtod_us=%d time_s=%d",
		us($before), us($real), us($boot), $s * 1000000 + $us, $time;
	printf " mono_us=%s mono_after_us=%s\n", us($mono), us($after);
}
