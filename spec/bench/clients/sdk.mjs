// The official TypeScript SDK: messages.stream() with listeners, and finalMessage().
//
//     node sdk.mjs BASE-URL REQUESTS
//
// Prints the bytes of thinking, text and signatures, as JSON.
import { createRequire } from 'node:module';

const require = createRequire(process.cwd() + '/build/npm/');
const { default: Anthropic } = require('@anthropic-ai/sdk');

const [url, requests] = [process.argv[2], Number(process.argv[3])];
const client = new Anthropic({ apiKey: 'bench', baseURL: url, maxRetries: 0, logLevel: 'off' });
const params = {
  model: 'claude-sonnet-4-6',
  max_tokens: 16000,
  messages: [{ role: 'user', content: 'Go on' }],
};

// A listener for the tool's input would make the SDK parse all of it again at each delta.
const total = { thinking: 0, text: 0, signature: 0 };
for (let i = 0; i < requests; i++) {
  const stream = client.messages.stream(params);
  let seen = 0;
  stream.on('thinking', (delta) => (seen += delta.length));
  stream.on('text', (delta) => (seen += delta.length));
  const message = await stream.finalMessage();
  for (const block of message.content) {
    if (block.type === 'thinking') {
      total.thinking += Buffer.byteLength(block.thinking);
      total.signature += block.signature.length;
    }
    if (block.type === 'text') total.text += Buffer.byteLength(block.text);
    if (block.type === 'tool_use' && !block.input.content) throw new Error('the input is not whole');
  }
}
console.log(JSON.stringify(total));
