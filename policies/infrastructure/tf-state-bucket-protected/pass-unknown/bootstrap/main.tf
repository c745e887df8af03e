variable "versioning" {
  type = string
}

resource "aws_s3_bucket" "state" {
  bucket = "shop-terraform"
}

resource "aws_s3_bucket_versioning" "state" {
  bucket = aws_s3_bucket.state.id
  versioning_configuration {
    status = var.versioning
  }
}

resource "aws_s3_bucket_public_access_block" "state" {
  bucket = aws_s3_bucket.state.id
}
