// secrets.ts - what must not stand in a log. Knows nothing of VS Code.

// The address of a model server may carry a password or a key.
export function withoutSecrets(text: string): string {
  return text
    .replace(/(\b[a-z][a-z0-9+.-]*:\/\/)[^\s/@#]*@/gi, '$1***@')
    .replace(/([?&;](?:api[-_]?key|key|token|secret|password)=)[^&\s#]*/gi, '$1***');
}

// An address is http(s)://host/…, perhaps with #name; what is wrong with this one.
export function problemOfAddress(text: string): string | undefined {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    return 'Expected an address such as http://127.0.0.1:8000/v1#name';
  }
  if (!/^https?:$/.test(url.protocol)) return 'The address begins with http:// or https://';
  if (url.username || url.password || withoutSecrets(text) !== text) return 'No key in the address: engramd reads it from the environment variable that its setting agent.api_key_env names';
  if (url.hash.length < 2) return 'Name the model after a #, as in http://127.0.0.1:8000/v1#name';
  return undefined;
}
