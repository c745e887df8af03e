resource "aws_s3_bucket" "state" {
  bucket = "shop-terraform"
}

resource "aws_s3_bucket_versioning" "state" {
  bucket = aws_s3_bucket.state.id
  versioning_configuration {
    status = "Suspended" # expect[no-versions]: older versions of the state are not kept in `aws_s3_bucket.state`: its status is `Suspended`
  }
}

resource "aws_s3_bucket_public_access_block" "state" {
  bucket = aws_s3_bucket.state.id
}

# A backup of the same name, as a module and as provider 3 had it.
module "bucket" {
  source     = "terraform-aws-modules/s3-bucket/aws"
  bucket     = "shop-terraform"
  versioning = { enabled = false } # expect[no-versions]: older versions of the state are not kept in `module.bucket`: it is off
}

resource "aws_s3_bucket" "old" { # expect[public-access]: `aws_s3_bucket.old`
  bucket = "shop-terraform"
  versioning {
    enabled = true
  }
}
