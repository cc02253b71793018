// Validates /openapi.json as a document, then each recorded answer against the schema that it names.
const fs = require('fs');
const SwaggerParser = require('@apidevtools/swagger-parser');
const OpenAPIResponseValidator = require('openapi-response-validator').default;
const [documentPath, answersPath] = process.argv.slice(2);
const document = JSON.parse(fs.readFileSync(documentPath, 'utf8'));
(async () => {
    await SwaggerParser.validate(JSON.parse(JSON.stringify(document)));
    const dereferenced = await SwaggerParser.dereference(JSON.parse(JSON.stringify(document)));
    let bad = 0;
    for (const { method, path, status, body } of JSON.parse(fs.readFileSync(answersPath, 'utf8'))) {
        const operation = (dereferenced.paths[path] || {})[method];
        if (!operation) { console.log(`${method} ${path}: is not in the document`); bad++; continue; }
        const responses = {};
        for (const [code, response] of Object.entries(operation.responses)) {
            const content = response.content && Object.values(response.content)[0];
            responses[code] = { description: '', schema: content ? content.schema : {} };
        }
        if (!responses[status] && !responses.default) { console.log(`${method} ${path}: ${status} is not told`); bad++; continue; }
        const wrong = new OpenAPIResponseValidator({ responses }).validateResponse(responses[status] ? status : 'default', body);
        if (wrong) { console.log(`${method} ${path} ${status}: ${JSON.stringify(wrong.errors).slice(0, 300)}`); bad++; }
    }
    process.exit(bad ? 1 : 0);
})().catch((error) => { console.log(String(error).slice(0, 2000)); process.exit(1); });
