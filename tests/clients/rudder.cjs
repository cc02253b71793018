// RudderStack's client sends gzip under a form's content type.
const RudderAnalytics = require('@rudderstack/rudder-sdk-node');
const [host, writeKey, userId] = process.argv.slice(2);
const Client = RudderAnalytics.default || RudderAnalytics;
const client = new Client(writeKey, { dataPlaneUrl: host, flushAt: 20, logLevel: 'error' });
client.identify({ userId, traits: { first_name: 'Ana', email: 'ana@example.org', visits: 3 } });
for (let n = 0; n < 10; n++) client.track({ userId, event: 'order.made', properties: { n } });
client.flush((error) => { if (error) console.error(error); process.exit(error ? 1 : 0); });
