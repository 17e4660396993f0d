// SPDX-License-Identifier: MIT

// waiter.c's protocol, for what Go programs wait by: one goroutine for each request.
package main

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"time"
)

func waitDeadline(d time.Duration) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	defer listener.Close()
	listener.(*net.TCPListener).SetDeadline(time.Now().Add(d))
	listener.Accept()
}

func waitTicker(d time.Duration) {
	ticker := time.NewTicker(d / 8)
	defer ticker.Stop()
	for i := 0; i < 8; i++ {
		<-ticker.C
	}
}

func waitContext(d time.Duration) {
	c, cancel := context.WithTimeout(context.Background(), d)
	defer cancel()
	<-c.Done()
}

var waits = map[string]func(time.Duration){
	"go.Sleep":       time.Sleep,
	"go.After":       func(d time.Duration) { <-time.After(d) },
	"go.Ticker":      waitTicker,
	"go.WithTimeout": waitContext,
	"go.SetDeadline": waitDeadline,
}

func serve(words []string) {
	seconds, _ := strconv.ParseInt(words[5], 10, 64)
	rest, _ := strconv.ParseInt(words[6], 10, 64)
	fmt.Printf("%s ready pid=%d by=%d\n%s asleep\n", words[0], os.Getpid(), os.Getpid(), words[0])
	waits[words[2]](time.Duration(seconds*1e9 + rest))
	fmt.Printf("%s done error=0\n", words[0])
}

func main() {
	fmt.Printf("0 ready pid=%d by=%d\n", os.Getpid(), os.Getpid())
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		words := strings.Fields(lines.Text())
		if len(words) > 6 {
			go serve(words)
		}
	}
}
