// SPDX-License-Identifier: MIT
// For each line read, tell every clock that node can read (protocol: tests/judge/README.md).
'use strict';
const fs = require('fs');
const os = require('os');
const readline = require('readline');

const source = process.argv[2] ? fs.createReadStream(process.argv[2]) : process.stdin;

function clocks() {
  const before = process.hrtime.bigint();
  const real = Date.now();
  const own = Math.floor(performance.now() * 1000);
  const mono = process.hrtime.bigint();
  const uptime = Math.floor(os.uptime() * 100);
  const after = process.hrtime.bigint();
  return `mono_before_ns=${before} real_ms=${real} own_us=${own} mono_ns=${mono}` +
    ` uptime_cs=${uptime} mono_after_ns=${after}\n`;
}

readline.createInterface({ input: source, terminal: false })
  .on('line', () => fs.writeSync(1, clocks()));
