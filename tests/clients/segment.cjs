// @segment/analytics-node as its manual says, but for the host.
const { Analytics } = require('@segment/analytics-node');
const [host, writeKey, userId] = process.argv.slice(2);
const analytics = new Analytics({ writeKey, host, maxEventsInBatch: 15, maxRetries: 6 });
let failed = 0;
analytics.on('error', (error) => { failed++; console.error(error); });
analytics.identify({ userId, traits: { first_name: 'Ana', email: 'ana@example.org', visits: 3, plan: { undeclared: true } } });
if (userId === 's1') analytics.identify({ userId: 'bad', traits: { visits: 'many' } });
for (let n = 0; n < 25; n++) analytics.track({ userId, event: 'order.made', properties: { n, undeclared: [n] } });
analytics.page({ userId, name: 'Home', properties: { path: '/' } });
analytics.screen({ userId, name: 'Main' });
analytics.group({ userId, groupId: 'g1', traits: { name: 'Group' } });
analytics.alias({ userId, previousId: 'old' });
analytics.closeAndFlush({ timeout: 60000 }).then(() => process.exit(failed ? 1 : 0));
