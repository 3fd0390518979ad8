-- +goose Up
-- Without it a receipt walks over all deliveries of its transfer: 3 ms each at 10,000 devices.
CREATE INDEX deliveries_one ON deliveries (transfer_no, device_id);
