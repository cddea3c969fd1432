// The function that gatewire and serverless-offline both serve.
exports.handler = async (event) => ({ statusCode: 200, body: event.body });
