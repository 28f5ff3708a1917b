// Seals and opens callbacks with WeCom's own npm package: JSON lines in, JSON lines out.
//   {"do": "seal", "token", "key", "corp", "plain", "timestamp", "nonce"} -> {"encrypt", "signature"}
//   {"do": "open", "token", "key", "encrypt", "timestamp", "nonce"}       -> {"message", "id", "signature"}
import { createInterface } from 'node:readline';
import { decrypt, encrypt, getSignature } from '@wecom/crypto';

for await (const line of createInterface({ input: process.stdin })) {
  const asked = JSON.parse(line);
  const sealed = asked.do === 'seal' ? encrypt(asked.key, asked.plain, asked.corp) : asked.encrypt;
  const signature = getSignature(asked.token, asked.timestamp, asked.nonce, sealed);
  const opened = asked.do === 'open' ? decrypt(asked.key, sealed) : { message: '', id: '' };
  console.log(JSON.stringify({ encrypt: sealed, signature, message: opened.message, id: opened.id }));
}
