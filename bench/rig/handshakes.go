// Command handshakes PORT full|resumed WORKERS SECONDS PATH HEADER opens TLS 1.3 connections to 127.0.0.1:PORT one after the other in each worker:
// handshake, one GET, the response of 68 octets, end. With "resumed" every handshake of a worker but its first must take up the session of the one
// before. Prints "handshakes errors p50 p99" (microseconds from the first byte sent to the end of the handshake).
package main

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strconv"
	"sync"
	"time"
)

type result struct {
	times  []time.Duration
	errors int
}

func once(address string, dialer *net.Dialer, config *tls.Config, request []byte) (time.Duration, bool, error) {
	socket, err := dialer.Dial("tcp", address)
	if err != nil {
		return 0, false, err
	}
	defer socket.Close()
	_ = socket.SetDeadline(time.Now().Add(10 * time.Second))
	start := time.Now()
	connection := tls.Client(socket, config)
	if err := connection.Handshake(); err != nil {
		return 0, false, err
	}
	took := time.Since(start)
	if _, err := connection.Write(request); err != nil {
		return 0, false, err
	}
	// A peer may end TCP without close_notify; the response tells whether it was whole.
	response, _ := io.ReadAll(connection)
	head, body, found := bytes.Cut(response, []byte("\r\n\r\n"))
	if !found || !bytes.HasPrefix(head, []byte("HTTP/1.1 200")) || len(body) != 68 {
		return 0, false, fmt.Errorf("unexpected response %q", response)
	}
	return took, connection.ConnectionState().DidResume, nil
}

func work(number int, address string, resumed bool, request []byte, end time.Time) result {
	config := &tls.Config{
		InsecureSkipVerify: true, // the rig's own certificate; its signature is checked all the same
		MinVersion:         tls.VersionTLS13,
		CurvePreferences:   []tls.CurveID{tls.X25519}, // one that every contender has
	}
	if resumed {
		config.ServerName = "bench"
		config.ClientSessionCache = tls.NewLRUClientSessionCache(4)
	}
	// An address of its own for each worker, so that ports do not run out while closed connections linger.
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 1, byte(number+1))}}
	var out result
	for first := true; time.Now().Before(end); first = false {
		took, again, err := once(address, dialer, config, request)
		switch {
		case err != nil, !first && again != resumed:
			if out.errors == 0 {
				fmt.Fprintln(os.Stderr, "resumed:", again, "error:", err)
			}
			out.errors++
		default:
			out.times = append(out.times, took)
		}
	}
	return out
}

func main() {
	workers, _ := strconv.Atoi(os.Args[3])
	seconds, _ := strconv.ParseFloat(os.Args[4], 64)
	request := []byte("GET " + os.Args[5] + " HTTP/1.1\r\nHost: bench\r\n" + os.Args[6] + "\r\nConnection: close\r\n\r\n")
	end := time.Now().Add(time.Duration(seconds * float64(time.Second)))
	results := make([]result, workers)
	var group sync.WaitGroup
	for number := range results {
		group.Go(func() {
			results[number] = work(number, "127.0.0.1:"+os.Args[1], os.Args[2] == "resumed", request, end)
		})
	}
	group.Wait()
	var all result
	for _, one := range results {
		all.times = append(all.times, one.times...)
		all.errors += one.errors
	}
	slices.Sort(all.times)
	at := func(share float64) float64 {
		if len(all.times) == 0 {
			return 0
		}
		return float64(all.times[int(share*float64(len(all.times)-1))].Nanoseconds()) / 1000
	}
	fmt.Println(len(all.times), all.errors, at(0.5), at(0.99))
}
