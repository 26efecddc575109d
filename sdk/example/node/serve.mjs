// The part that every plugin shares: the handshake, and the two services that
// the host needs beside the plugin's own. sdk/proto/plugin.proto describes it.
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import grpc from '@grpc/grpc-js';
import protoLoader from '@grpc/proto-loader';
import { makeCertificate } from './certificate.mjs';

const maxMessage = 4 << 20;
const proto = fileURLToPath(new URL('../../proto/plugin.proto', import.meta.url));

// log writes one line to the host's log. Standard output is the protocol's.
export function log(level, message, more = {}) {
  process.stderr.write(JSON.stringify({ '@level': level, '@message': message, '@timestamp': new Date().toISOString(), ...more }) + '\n');
}

// raw is a method whose messages are bytes: two services need no more.
const raw = (path) => ({
  path, requestStream: false, responseStream: false,
  requestSerialize: (b) => b, requestDeserialize: (b) => b, responseSerialize: (b) => b, responseDeserialize: (b) => b,
});

// serve runs a plugin until the host ends it. calls holds the methods of Plugin,
// and those of Source or Tracker that the manifest names; the rest is answered
// with UNIMPLEMENTED.
export function serve(kind, calls) {
  if (process.env.ITERATESWARM_PLUGIN !== '1') {
    process.stderr.write('This is a plugin; IterateSwarm starts it.\n');
    process.exit(1);
  }
  const host = Number(process.env.ITERATESWARM_HOST_PID ?? process.ppid);
  setInterval(() => process.ppid === host || process.exit(1), 1000);

  const { v1 } = grpc.loadPackageDefinition(protoLoader.loadSync(proto, { longs: Number, defaults: true })).iterateswarm.plugin;
  const server = new grpc.Server({ 'grpc.max_receive_message_length': maxMessage, 'grpc.max_send_message_length': maxMessage });
  server.addService(v1.Plugin.service, calls);
  server.addService(v1[kind].service, calls);
  server.addService({ Check: raw('/grpc.health.v1.Health/Check') }, {
    Check: (_, answer) => answer(null, Buffer.from([0x08, 0x01])), // status: SERVING
  });
  server.addService({ Shutdown: raw('/plugin.GRPCController/Shutdown') }, {
    Shutdown: (_, answer) => { answer(null, Buffer.alloc(0)); setImmediate(() => process.exit(0)); },
  });

  const { der, pem, key } = makeCertificate();
  const onlyTheHost = grpc.ServerCredentials.createSsl(Buffer.from(process.env.PLUGIN_CLIENT_CERT),
    [{ cert_chain: Buffer.from(pem), private_key: Buffer.from(key) }], true);
  const socket = join(process.env.PLUGIN_UNIX_SOCKET_DIR || process.env.TMPDIR, `node-${process.pid}`);
  server.bindAsync('unix:' + socket, onlyTheHost, (err) => {
    if (err) {
      log('error', `cannot listen: ${err.message}`);
      process.exit(1);
    }
    process.stdout.write(`1|1|unix|${socket}|grpc|${der.toString('base64').replace(/=+$/, '')}\n`);
  });
}
