# SPDX-License-Identifier: MIT
# waiter.c's protocol, for what Perl programs wait by: one child for each request.
use strict;
use warnings;

my %waits = (
    sleep => sub { sleep $_[0] },
    select => sub { select undef, undef, undef, $_[0] },
    alarm => sub {
        local $SIG{ALRM} = sub { die "alarm\n" };
        eval { alarm $_[0]; 1 while sleep 1000 };
    },
);

sub say_line {
    my $line = "$_[0]\n";
    syswrite STDOUT, $line;
    return;
}

$SIG{CHLD} = 'IGNORE';
say_line("0 ready pid=$$ by=$$");
while (<STDIN>) {
    my @words = split;
    next if @words < 3 || fork;
    my ($name) = $words[2] =~ /[.](.*)/;
    say_line("$words[0] ready pid=$$ by=$$");
    say_line("$words[0] asleep");
    $waits{$name}->($words[5] + $words[6] / 1e9);
    say_line("$words[0] done error=0");
    exit;
}
