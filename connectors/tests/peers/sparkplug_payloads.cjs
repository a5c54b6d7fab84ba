// Prints what an edge node of another stack would publish: one JSON object, message name -> payload in base64.
const sparkplug = require("sparkplug-payload").get("spBv1.0");

const at = 1736677800000;
const metric = (name, alias, type, value, more = {}) => ({ name, alias, type, value, timestamp: at, ...more });
const judged = (name, alias, type, value, quality) =>
  metric(name, alias, type, value, {
    timestamp: at + 2000,
    properties: { Quality: { type: "Int32", value: quality } },
  });
const bdSeq = (value) => ({ name: "bdSeq", type: "UInt64", value, timestamp: at });

const payloads = {
  NBIRTH: { timestamp: at, seq: 0, metrics: [bdSeq(7), { name: "Node Control/Rebirth", type: "Boolean", value: false }] },
  DBIRTH: {
    timestamp: at,
    seq: 1,
    metrics: [
      metric("temperature", 10, "Float", 180.5),
      metric("temperature_zones/core", 11, "Double", 72.25),
      metric("humidity", 12, "Int8", -5),
      metric("steam_level", 13, "UInt8", 250),
      metric("energy_consumption_kwh", 14, "Int64", 123456789012),
      metric("operational_status", 15, "String", "running"),
      metric("additional_sensors/offset", 16, "Int32", -5),
      metric("additional_sensors/offset16", 17, "Int16", -30000),
      metric("additional_sensors/offset64", 18, "Int64", -2),
      metric("additional_sensors/big", 19, "UInt32", 4294967295),
      metric("additional_sensors/hot", 20, "Boolean", true),
      metric("additional_sensors/started", 21, "DateTime", at),
      metric("additional_sensors/note", 22, "Text", "Größe"),
      metric("motor_speed", 23, "Double", null),
    ],
  },
  // Values by alias alone, as the standard wants it after a birth; and one that comes late.
  DDATA: {
    timestamp: at + 1000,
    seq: 2,
    metrics: [
      { alias: 10, type: "Float", value: 181.25, timestamp: at + 1000 },
      { alias: 16, type: "Int32", value: -6, timestamp: at + 1000 },
      { alias: 12, type: "Int8", value: null, timestamp: at + 1000 },
      { alias: 11, type: "Double", value: 70.5, timestamp: at - 60000, isHistorical: true },
    ],
  },
  DATASET: {
    timestamp: at,
    seq: 3,
    metrics: [
      { name: "table", type: "DataSet", timestamp: at,
        value: { numOfColumns: 1, types: ["Int32"], columns: ["a"], rows: [[1], [2]] } },
      { name: "temperature", type: "Float", value: 20, timestamp: at },
    ],
  },
  QUALITY: {
    timestamp: at,
    seq: 3,
    metrics: [
      judged("temperature", 10, "Float", 999, 0),
      judged("humidity", 12, "Double", 55, 500),
      judged("motor_speed", 23, "Double", 40, 192),
    ],
  },
  NDEATH: { timestamp: at, metrics: [bdSeq(7)] },
};

const encoded = Object.entries(payloads).map(([name, payload]) => [
  name,
  Buffer.from(sparkplug.encodePayload(payload)).toString("base64"),
]);
console.log(JSON.stringify(Object.fromEntries(encoded)));
