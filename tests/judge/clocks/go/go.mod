// SPDX-License-Identifier: MIT

module vt.test/clocks

go 1.19
