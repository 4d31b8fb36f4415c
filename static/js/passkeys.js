// Makes passkeys and signs in with them: asks the server what to ask the browser for, puts the browser's answer into
// the form, and sends it as any other form.

function toBytes(text) {
  const padded = text.replace(/-/g, "+").replace(/_/g, "/");
  return Uint8Array.from(atob(padded), (character) => character.charCodeAt(0));
}

function toText(buffer) {
  const characters = String.fromCharCode(...new Uint8Array(buffer));
  return btoa(characters).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
}

async function askServer(address) {
  const response = await fetch(address, { headers: { Accept: "application/json" } });
  if (!response.ok) throw new Error(response.statusText);
  return response.json();
}

async function create(options) {
  const known = (options.excludeCredentials ?? []).map((entry) => ({ ...entry, id: toBytes(entry.id) }));
  const user = { ...options.user, id: toBytes(options.user.id) };
  const publicKey = { ...options, user, challenge: toBytes(options.challenge), excludeCredentials: known };
  const made = await navigator.credentials.create({ publicKey });
  return answerOf(made, { attestationObject: toText(made.response.attestationObject) });
}

async function get(options) {
  const chosen = await navigator.credentials.get({ publicKey: { ...options, challenge: toBytes(options.challenge) } });
  const { authenticatorData, signature, userHandle } = chosen.response;
  const proof = { authenticatorData: toText(authenticatorData), signature: toText(signature) };
  return answerOf(chosen, { ...proof, userHandle: userHandle ? toText(userHandle) : null });
}

function answerOf(credential, proof) {
  const response = { clientDataJSON: toText(credential.response.clientDataJSON), ...proof };
  return JSON.stringify({ id: credential.id, rawId: toText(credential.rawId), type: credential.type, response });
}

async function usePasskey(event) {
  const form = event.target.closest("form[data-passkey]");
  if (!form) return;
  event.preventDefault();
  const error = form.querySelector("[data-passkey-error]");
  error.hidden = true;
  try {
    const options = await askServer(form.dataset.passkey);
    form.elements.credential.value = await (form.dataset.passkeyAct === "create" ? create(options) : get(options));
  } catch {
    error.hidden = false;  // refused, timed out, or no authenticator at hand
    return;
  }
  form.submit();
}

document.addEventListener("submit", usePasskey);
