// Customer.io's PipelinesClient: the same calls one by one, and a batch.
const { PipelinesClient } = require('customerio-node');
const [host, writeKey, userId] = process.argv.slice(2);
const client = new PipelinesClient(writeKey, { url: host + '/v1' });
(async () => {
    await client.identify({ userId, traits: { first_name: 'Ana', email: 'ana@example.org', visits: 3 } });
    await client.track({ userId, event: 'order.made', properties: { n: 1 } });
    await client.page({ userId, name: 'Home', properties: { path: '/' } });
    await client.batch([
        { type: 'track', userId, event: 'order.made', properties: { n: 2 } },
        { type: 'track', userId, event: 'order.made', properties: { n: 3 } },
    ]);
})().then(() => process.exit(0), (error) => { console.error(error); process.exit(1); });
