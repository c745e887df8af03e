# not-evaluated: `aws_db_instance.restored` is encrypted if what it is restored from was
resource "aws_db_instance" "restored" {
  engine              = "postgres"
  snapshot_identifier = "shop-2026-11-01"
}
