// SPDX-License-Identifier: MIT
module vt/waits

go 1.19
