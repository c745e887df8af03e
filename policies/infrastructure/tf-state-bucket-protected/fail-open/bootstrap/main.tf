resource "aws_s3_bucket" "state" { # expect[no-versions medium likely]: older versions of the state are not kept in `aws_s3_bucket.state`: it has no `aws_s3_bucket_versioning` # expect[public-access low likely]: `aws_s3_bucket.state` has no `aws_s3_bucket_public_access_block`
  bucket        = "shop-terraform"
  force_destroy = true # expect[force-destroy medium certain]: `terraform destroy` deletes `aws_s3_bucket.state` with all states in it
}

resource "aws_dynamodb_table" "locks" {
  name         = "terraform-locks"
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = "LockId" # expect[lock-table-key high certain]: Terraform cannot lock in `aws_dynamodb_table.locks`: its key is not `LockID`, a string

  attribute {
    name = "LockId"
    type = "S"
  }
}

# Of something else.
resource "aws_s3_bucket" "logs" {
  bucket = "shop-logs"
}

resource "aws_dynamodb_table" "orders" {
  name     = "orders"
  hash_key = "id"
}
