#!/usr/bin/env node
// A source in Node.js: it takes {"id": "…", "text": "…", "author": "…"} from a
// service that signs the body with a shared secret, HMAC-SHA256 in hex in the
// header X-Signature.
import { createHmac, timingSafeEqual } from 'node:crypto';
import { log, serve } from './serve.mjs';

const schema = {
  type: 'object',
  required: ['secret'],
  properties: { secret: { type: 'string', title: 'Secret', secret: true, minLength: 16, description: 'The one that the service signs with.' } },
};

let secret;

const header = (request, name) => request.headers.find((h) => h.name === name)?.values[0] ?? '';

function isSigned(request) {
  const want = createHmac('sha256', secret).update(request.body).digest();
  const got = Buffer.from(header(request, 'X-Signature'), 'hex');
  return got.length === want.length && timingSafeEqual(got, want);
}

// takeWebhook answers a request, and says what feedback it held.
function takeWebhook(request) {
  if (request.method !== 'POST') return { status: 405, headers: [{ name: 'Allow', values: ['POST'] }] };
  if (!isSigned(request)) return { status: 401 };
  let message;
  try {
    message = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(request.body));
  } catch {
    return { status: 400, body: Buffer.from('The body is not JSON.\n') };
  }
  const { id, text, author } = message ?? {};
  if (typeof id !== 'string' || !id || typeof text !== 'string' || !text.trim()) {
    return { status: 400, body: Buffer.from('id and text are needed.\n') };
  }
  log('info', 'message taken', { id });
  return { status: 202, items: [{ externalId: id, content: text, authorId: String(author ?? '') }] };
}

serve('Source', {
  Describe: (_, answer) => answer(null, {
    name: 'node-box', kind: 'SOURCE', version: '1.0.0', description: 'Takes messages that a service signs with a shared secret.',
    configSchema: JSON.stringify(schema), capabilities: ['webhook'],
  }),

  Configure: (call, answer) => {
    const wrong = (summary) => answer(null, { diagnostics: [{ severity: 'ERROR', field: 'secret', summary }] });
    let config;
    try {
      config = JSON.parse(call.request.configJson);
    } catch {
      return wrong('the configuration is not JSON');
    }
    if (typeof config?.secret !== 'string' || config.secret.length < 16) return wrong('a text of at least 16 characters is required');
    secret = config.secret;
    answer(null, { diagnostics: [] });
  },

  // There is no service to ask: it sends, and we wait.
  Health: (_, answer) => answer(null, { ok: true, detail: 'Waiting for requests.' }),

  HandleWebhook: (call, answer) => answer(null, takeWebhook(call.request)),
});
