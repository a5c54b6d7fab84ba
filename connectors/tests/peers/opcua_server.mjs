// An OPC UA server of another stack: npm's node-opcua, with its own copies of the models of DI and OPC 30200.
//
//     node opcua_server.mjs <port, 0 for a free one> <folder for its certificates>
//
// Prints its port, and serves until its input ends. A line of input sets a value: {"at": path, "value": 5, "status": "Good"}.
import { createServer } from "node:net";
import { createInterface } from "node:readline";
import * as opcua from "node-opcua";

const { DataType, MessageSecurityMode, SecurityPolicy, StatusCodes, nodesets } = opcua;
const DEVICES = "http://opcfoundation.org/UA/DI/";
const KITCHEN = "http://opcfoundation.org/UA/CommercialKitchenEquipment/";
const OWN = "urn:example:another-stack";
const [wanted, folder] = [Number(process.argv[2]), process.argv[3]];

function findFreePort() { // node-opcua takes no port 0
    return new Promise((resolve) => {
        const listener = createServer().listen(0, "127.0.0.1", () => {
            const { port } = listener.address();
            listener.close(() => resolve(port));
        });
    });
}

const certificates = new opcua.OPCUACertificateManager({ rootFolder: folder, automaticallyAcceptUnknownCertificate: true });
await certificates.initialize();
const server = new opcua.OPCUAServer({
    port: wanted || (await findFreePort()),
    hostname: "127.0.0.1",
    host: "127.0.0.1",
    serverCertificateManager: certificates,
    userCertificateManager: certificates,
    allowAnonymous: false,
    securityPolicies: [SecurityPolicy.Basic256Sha256, SecurityPolicy.Aes256_Sha256_RsaPss],
    securityModes: [MessageSecurityMode.Sign, MessageSecurityMode.SignAndEncrypt],
    userManager: { isValidUser: (name, password) => name === "bakery" && password === "sesame-open-7" },
    nodeset_filename: [nodesets.standard, nodesets.di, nodesets.commercialKitchenEquipment],
    serverInfo: { applicationUri: "urn:example:another-stack:server" },
});
await server.initialize();

const space = server.engine.addressSpace;
const own = space.registerNamespace(OWN);
const variables = new Map();

function put(at, value, status = "Good") {
    const { node, dataType } = variables.get(at);
    node.setValueFromSource({ dataType, value }, StatusCodes[status]);
}

function know(at, node, dataType, value) {
    variables.set(at, { node, dataType });
    put(at, value);
}

function addTemperature(parent, name, value, namespace) {
    const analog = { browseName: { name, namespaceIndex: namespace.index }, componentOf: parent, dataType: "Float",
        engineeringUnits: opcua.standardUnits.degree_celsius, engineeringUnitsRange: { low: 0, high: 300 } };
    return own.addAnalogDataItem({ ...analog, nodeId: `s=${parent.nodeId.value}/${name}`, value: { dataType: DataType.Float, value } });
}

const kitchen = space.getNamespace(KITCHEN);
const combi = space.findObjectType("CombiSteamerDeviceType", kitchen.index).instantiate({
    namespace: own,
    browseName: "CombiSteamerDevice_77",
    nodeId: "s=CombiSteamerDevice_77",
    componentOf: space.getNamespace(DEVICES).findNode("i=5001"), // DeviceSet
    optionals: ["BatchInformation", "CombiSteamer.ActualHumidity", "CombiSteamer.ProgramName"],
});
const steamer = combi.getChildByName("CombiSteamer");
for (const [name, dataType, value] of [
    ["CombiSteamerMode", DataType.Int32, 6], ["SetTemperature", DataType.Float, 185], ["IsDoorOpen", DataType.Boolean, false],
    ["SetProcessTimeProgram", DataType.Int32, 1300], ["TimeRemainingProgram", DataType.Int32, 715],
]) know(`CombiSteamer/${name}`, steamer.getChildByName(name), dataType, value);
for (const [name, value] of [["ActualTemperatureChamber_0", 180.3], ["ActualTemperatureChamber_1", 181.1]]) {
    know(`CombiSteamer/${name}`, addTemperature(steamer, name, value, kitchen), DataType.Float, value);
}
know("SerialNumber", combi.getChildByName("SerialNumber"), DataType.String, "E77");

const oven = own.addObject({ organizedBy: space.rootFolder.objects, browseName: "Oven", nodeId: "s=Oven" });
know("Oven/Temperature", addTemperature(oven, "Temperature", 215.4, own), DataType.Float, 215.4);
const energy = own.addVariable({ componentOf: oven, browseName: "Energy", nodeId: "s=Oven/Energy", dataType: "Double" });
know("Oven/Energy", energy, DataType.Double, 45991.428);

await server.start();
console.log(server.endpoints[0].port);
createInterface({ input: process.stdin })
    .on("line", (line) => { const { at, value, status } = JSON.parse(line); put(at, value, status); })
    .on("close", async () => { await server.shutdown(0); process.exit(0); });
