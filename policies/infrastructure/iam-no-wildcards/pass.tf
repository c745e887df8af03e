data "aws_iam_policy_document" "app" {
  # Nothing smaller can be said of these.
  statement {
    actions   = ["ecr:GetAuthorizationToken", "ec2:Describe*", "cloudwatch:PutMetricData", "xray:PutTraceSegments", "ssmmessages:*"]
    resources = ["*"]
  }

  statement {
    actions   = ["s3:GetObject", "s3:PutObject"]
    resources = ["${aws_s3_bucket.media.arn}/*"]
  }

  # What is denied may be everything.
  statement {
    effect    = "Deny"
    actions   = ["*"]
    resources = ["*"]

    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }

  # Conditions that say on what.
  statement {
    actions   = ["ec2:TerminateInstances"]
    resources = ["*"]

    condition {
      test     = "StringEquals"
      variable = "aws:ResourceTag/team"
      values   = ["shop"]
    }
  }

  statement {
    actions   = ["kms:Decrypt"]
    resources = ["*"]

    condition {
      test     = "StringLike"
      variable = "kms:ViaService"
      values   = ["s3.*.amazonaws.com"]
    }
  }

  statement {
    actions   = ["iam:PassRole"]
    resources = ["*"]

    condition {
      test     = "StringEquals"
      variable = "iam:PassedToService"
      values   = ["ecs-tasks.amazonaws.com"]
    }
  }
}

resource "aws_s3_bucket" "media" {
  bucket_prefix = "media-"
}

# A policy of a resource: the resource is the key itself, and AWS wants the account's root to have all rights.
data "aws_iam_policy_document" "key" {
  statement {
    actions   = ["kms:*"]
    resources = ["*"]

    principals {
      type        = "AWS"
      identifiers = ["arn:aws:iam::123456789012:root"]
    }
  }
}

# A limit of accounts grants nothing.
data "aws_iam_policy_document" "limit" {
  statement {
    actions   = ["*"]
    resources = ["*"]
  }
}

resource "aws_organizations_policy" "limit" {
  name    = "limit"
  content = data.aws_iam_policy_document.limit.json
}
