// An identity provider made by others, with two people and their groups.
import { Provider } from 'oidc-provider';

const [port, redirect, secret] = process.argv.slice(2);
const groups = { anna: ['release', 'x'], rob: ['administrators'] };
const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [{ client_id: 'assay', client_secret: secret, redirect_uris: [redirect] }],
  claims: { openid: ['sub'], profile: ['preferred_username', 'name', 'groups'] },
  async findAccount(_, id) {
    return {
      accountId: id,
      async claims() {
        return { sub: id, preferred_username: id, name: `Somebody called ${id}`, groups: groups[id] ?? [] };
      },
    };
  },
  features: { devInteractions: { enabled: true } },
  cookies: { keys: ['of this run'] },
});
provider.listen(Number(port), '127.0.0.1', () => console.log('the provider listens'));
