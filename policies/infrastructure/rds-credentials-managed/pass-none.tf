# not-applicable: it has no database with a password of its own
resource "aws_db_instance" "replica" {
  replicate_source_db = "shop"
}
