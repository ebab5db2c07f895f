// Command named-server is grpc-go's interop server that also tells its name when it is asked to (`fill_server_id`), which the
// server of grpc-go's own leaves out and its case `pick_first_unary` wants.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"net"

	"google.golang.org/grpc"
	"google.golang.org/grpc/interop"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"
)

func main() {
	port := flag.Int("port", 10000, "port of loopback")
	flag.Parse()
	listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", *port))
	if err != nil {
		log.Fatal(err)
	}
	server := grpc.NewServer(grpc.UnaryInterceptor(func(ctx context.Context, request any, _ *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
		response, err := handle(ctx, request)
		asked, isSimple := request.(*testgrpc.SimpleRequest)
		answer, isAnswer := response.(*testgrpc.SimpleResponse)
		if err == nil && isSimple && isAnswer && asked.GetFillServerId() {
			answer.ServerId = listener.Addr().String()
		}
		return response, err
	}))
	testgrpc.RegisterTestServiceServer(server, interop.NewTestServer())
	log.Fatal(server.Serve(listener))
}
