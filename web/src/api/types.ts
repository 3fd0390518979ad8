// What the server says. The schema is made from the server's own OpenAPI document (`make types`);
// nothing here is written by hand but narrower words for a few strings.
import type { components } from "./schema";

type S = components["schemas"];

export type User = S["User"];
export type Me = S["Me"];
export type Device = S["Device"];
export type Group = S["Group"];
export type GroupOnOffer = S["GroupOnOffer"];
export type Member = S["Member"];
export type JoinRequest = S["JoinRequest"];
export type AuditEntry = S["AuditEntry"];
export type SessionStatus = S["SessionStatus"];
export type Transfer = S["Transfer"];
export type NewTransfer = S["NewTransfer"];
export type Delivery = S["Delivery"];
export type DeliveryEntry = S["DeliveryEntry"];
export type DeliveryEntries = S["DeliveryEntries"];
export type LeftOut = S["LeftOut"];
export type LeftOutPage = S["LeftOutPage"];
export type BadEntries = S["BadEntries"];
export type FileEntry = S["FileEntry"];
export type PendingTransfer = S["PendingTransfer"];
export type UploadEntry = S["UploadEntry"];
export type Upload = S["Upload"];
export type UnfinishedUpload = S["UnfinishedUpload"];
export type CheckResult = S["CheckResult"];
export type ServerStatus = S["ServerStatus"];
export type LossMap = S["LossMap"];
export type Estimate = S["Estimate"];
export type Point = S["Point"];
export type KeyHolder = S["KeyHolder"];
export type KeySession = S["KeySession"];
export type Savings = S["Savings"];
export type Received = S["Received"];
export type SignIn = S["SignIn"];
export type ServerEvent = S["Event"];
