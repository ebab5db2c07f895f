/** The servers that others wrote, each started with a configuration of its own in a folder that is removed afterwards. */
import { existsSync, writeFileSync } from 'node:fs'

import { freePort } from '../../test/harness/free-port.ts'
import { waitUntil } from '../../test/harness/wait-until.ts'
import { isListening } from './is-listening.ts'

/** What the judge started. */
export interface RunningServer {
  readonly port: number
  readonly stop: () => Promise<void>
}

/** A server that passes requests on to a port of loopback over connections that it keeps. */
export interface Relay {
  readonly name: string
  /** The program; looked for on the PATH. */
  readonly program: string
  /** Starts it in front of a port. `folder` takes its files. */
  readonly start: (upstream: number, folder: string) => Promise<RunningServer>
}

const nginx: Relay = {
  name: 'nginx',
  program: 'nginx',
  start: async (upstream, folder) => {
    const port = await freePort()
    const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${folder};`)
    const text = `daemon off; worker_processes 1; pid ${folder}/nginx-${port}.pid; error_log /dev/null crit;
events { worker_connections 512; }
http { access_log off; ${temporary.join(' ')}
upstream up { server 127.0.0.1:${upstream}; keepalive 1; }
server { listen 127.0.0.1:${port};
location / { proxy_pass http://up; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $host; } } }
`
    return startProgram(port, `${folder}/nginx-${port}.conf`, text, (file) => ['nginx', '-c', file, '-p', folder])
  },
}

const haproxy: Relay = {
  name: 'HAProxy',
  program: 'haproxy',
  start: async (upstream, folder) => {
    const port = await freePort()
    const text = `global
  maxconn 500
  nbthread 1
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  http-reuse always
frontend in
  bind 127.0.0.1:${port}
  default_backend out
backend out
  server s 127.0.0.1:${upstream}
`
    return startProgram(port, `${folder}/haproxy-${port}.cfg`, text, (file) => ['haproxy', '-db', '-f', file])
  },
}

const apacheModules = ['mpm_event', 'authz_core', 'proxy', 'proxy_http']

const apache: Relay = {
  name: 'Apache',
  program: 'apache2',
  start: async (upstream, folder) => {
    const port = await freePort()
    const modules = apacheModules.map((name) => `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so`)
    const text = `ServerRoot ${folder}
ServerName app.test
PidFile ${folder}/apache-${port}.pid
DefaultRuntimeDir ${folder}
Listen 127.0.0.1:${port}
${modules.join('\n')}
User www-data
Group www-data
ErrorLog /dev/null
StartServers 1
ServerLimit 1
ThreadsPerChild 16
MaxRequestWorkers 16
KeepAlive On
MaxKeepAliveRequests 0
KeepAliveTimeout 60
ProxyPass / http://127.0.0.1:${upstream}/
`
    return startProgram(port, `${folder}/apache-${port}.conf`, text, (file) => ['apache2', '-f', file, '-DFOREGROUND'])
  },
}

/** Those that stand before Weft, and behind it. */
export const relays: readonly Relay[] = [nginx, haproxy, apache]

/**
 * Answers with the target of the request when the request is over, and tells in `x-smuggled` how many came that no client sent as a
 * request, in `x-connection` over which connection it came. Prints its port.
 */
const nodeProgram = `
let smuggled = 0
const server = require('node:http').createServer((request, response) => {
  if (request.url.includes('smuggled') || request.method === 'GPOST') smuggled += 1
  request.resume()
  request.on('end', () => {
    response.setHeader('x-smuggled', smuggled)
    response.setHeader('x-connection', request.socket.remotePort)
    response.end(request.url)
  })
})
server.keepAliveTimeout = 600000
server.listen(0, '127.0.0.1', () => console.log(server.address().port))
`

/** Starts the server of Node.js. */
export async function startNode(): Promise<RunningServer> {
  const child = Bun.spawn(['node', '-e', nodeProgram], { stdout: 'pipe', stderr: 'ignore' })
  return { port: await readPort(child), stop: () => stopChild(child) }
}

/** Starts the server of Bun, which does as the one of Node.js. */
export function startBun(): RunningServer {
  let smuggled = 0
  const server = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    idleTimeout: 255,
    fetch: async (request, self): Promise<Response> => {
      // Some targets make a URL that cannot be parsed.
      const target = request.url.replace(/^https?:\/\/[^/?]*/, '')
      if (target.includes('smuggled') || request.method === 'GPOST') smuggled += 1
      await request.arrayBuffer()
      const headers = {
        'x-smuggled': String(smuggled),
        'x-connection': String(self.requestIP(request)?.port),
      }
      return new Response(target, { headers })
    },
  })
  return { port: server.port ?? 0, stop: () => server.stop(true) }
}

/** Where Debian's `libtomcat10-java` puts Tomcat. */
const tomcatJars = '/usr/share/java'

/** Why Tomcat cannot be started here; empty when it can. */
export function tomcatMissing(): string {
  if (!existsSync(`${tomcatJars}/tomcat10-catalina.jar`)) return 'libtomcat10-java is not installed'
  return Bun.which('javac') === null ? 'there is no compiler for Java' : ''
}

const tomcatProgram = `
import jakarta.servlet.http.*;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.catalina.startup.Tomcat;

public class Echo extends HttpServlet {
  private final AtomicInteger smuggled = new AtomicInteger();

  @Override
  protected void service(HttpServletRequest request, HttpServletResponse response) throws java.io.IOException {
    String target = request.getRequestURI();
    if (target.contains("smuggled") || request.getMethod().equals("GPOST")) smuggled.incrementAndGet();
    request.getInputStream().readAllBytes();
    response.setHeader("x-smuggled", smuggled.toString());
    response.setHeader("x-connection", String.valueOf(request.getRemotePort()));
    response.getOutputStream().write(target.getBytes("ISO-8859-1"));
  }

  public static void main(String[] arguments) throws Exception {
    Tomcat tomcat = new Tomcat();
    tomcat.setBaseDir(arguments[0]);
    tomcat.setPort(0);
    var connector = tomcat.getConnector();
    connector.setProperty("address", "127.0.0.1");
    connector.setProperty("maxKeepAliveRequests", "-1");
    connector.setProperty("keepAliveTimeout", "600000");
    var context = tomcat.addContext("", arguments[0]);
    Tomcat.addServlet(context, "echo", new Echo());
    context.addServletMappingDecoded("/", "echo");
    tomcat.start();
    System.out.println(connector.getLocalPort());
    tomcat.getServer().await();
  }
}
`

/** Starts Tomcat with a servlet that does as the server of Node.js. */
export async function startTomcat(folder: string): Promise<RunningServer> {
  const file = `${folder}/Echo.java`
  writeFileSync(file, tomcatProgram)
  const jars = [...new Bun.Glob('tomcat*.jar').scanSync({ cwd: tomcatJars })].map((name) => `${tomcatJars}/${name}`)
  const argv = ['java', '-Xmx128m', '-cp', jars.join(':'), file, folder]
  const child = Bun.spawn(argv, { stdout: 'pipe', stderr: 'ignore' })
  return { port: await readPort(child), stop: () => stopChild(child) }
}

/** The port that a program prints when it listens. */
async function readPort(child: Bun.Subprocess<'ignore', 'pipe'>): Promise<number> {
  const { value } = await child.stdout.getReader().read()
  const port = Number(new TextDecoder().decode(value))
  if (!(port > 0)) throw new Error('Expected a program that prints its port')
  return port
}

async function startProgram(
  port: number,
  file: string,
  text: string,
  command: (file: string) => string[],
): Promise<RunningServer> {
  writeFileSync(file, text)
  const argv = command(file)
  const child = Bun.spawn(argv, { stdout: 'ignore', stderr: 'ignore' })
  await waitUntil(`${argv.join(' ')} listens`, () => {
    if (child.exitCode !== null) throw new Error(`${argv.join(' ')} ended with ${child.exitCode}`)
    return isListening(port)
  })
  return { port, stop: () => stopChild(child) }
}

async function stopChild(child: Bun.Subprocess): Promise<void> {
  child.kill('SIGTERM')
  await child.exited
}
