// peer.js: renders a second of liquidjs: node peer.js FOLDER NAME SECONDS
const { readFileSync } = require("node:fs");
const { Liquid } = require(process.cwd() + "/build/npm/node_modules/liquidjs");
const [folder, name, seconds] = process.argv.slice(2);
const engine = new Liquid({ timezoneOffset: 0 });
const template = engine.parse(readFileSync(`${folder}/${name}.liquid`, "utf8"));
const data = JSON.parse(readFileSync(`${folder}/data.json`, "utf8"));
for (let i = 0; i < 2000; i++)
    engine.renderSync(template, data);
const start = process.hrtime.bigint();
let count = 0, elapsed = 0;
while (elapsed < Number(seconds)) {
    for (let i = 0; i < 50; i++, count++)
        engine.renderSync(template, data);
    elapsed = Number(process.hrtime.bigint() - start) / 1e9;
}
console.log(count / elapsed);
