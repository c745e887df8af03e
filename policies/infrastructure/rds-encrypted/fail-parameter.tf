# params: {"require_cmk": true}
resource "aws_db_instance" "shop" { # expect[no-own-key low]: `aws_db_instance.shop` is encrypted with the key of AWS, expected `kms_key_id`
  engine            = "postgres"
  storage_encrypted = true
}

resource "aws_db_instance" "own" {
  engine            = "postgres"
  storage_encrypted = true
  kms_key_id        = aws_kms_key.database.arn
}

resource "aws_kms_key" "database" {
  description = "database"
}
